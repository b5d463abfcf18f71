//! The kernel's table of TCP sockets, of the calling thread's network
//! namespace: `/proc/thread-self/net/tcp` and `tcp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{fs, io};

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// The near end.
    pub local: SocketAddr,
    /// The far end, all zeros for a listener.
    pub remote: SocketAddr,
    /// Whether it listens.
    pub listens: bool,
    /// Whether the far end has said that nothing more will come, and the near end has not closed.
    pub half_closed: bool,
    /// Bytes nobody has read yet; for a listener, connections nobody has accepted yet.
    pub unread: u32,
    /// 0 once no process holds the socket any more.
    pub inode: u64,
}

/// All TCP sockets of this network namespace, of both families.
///
/// # Panics
///
/// When a table cannot be understood.
#[must_use]
pub fn all() -> Vec<Socket> {
    let mut sockets = ipv4();
    // Without IPv6 there is no second table.
    sockets.extend(rows("/proc/thread-self/net/tcp6").unwrap_or_default());
    sockets
}

/// The IPv4 ones alone: to read a table costs milliseconds, however short it is.
///
/// # Panics
///
/// When the table cannot be read or understood.
#[must_use]
pub fn ipv4() -> Vec<Socket> {
    rows("/proc/thread-self/net/tcp").expect("the table of TCP sockets can be read")
}

fn rows(table: &str) -> io::Result<Vec<Socket>> {
    let text = fs::read_to_string(table)?;
    let rows = text.lines().skip(1);
    Ok(rows.map(|line| row(line).unwrap_or_else(|| panic!("{table} has {line}"))).collect())
}

fn row(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, unread) = fields.get(4)?.split_once(':')?;
    Some(Socket {
        local: address(fields.get(1)?)?,
        remote: address(fields.get(2)?)?,
        listens: *fields.get(3)? == "0A",
        half_closed: *fields.get(3)? == "08",
        unread: u32::from_str_radix(unread, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// An address as the kernel prints it: words of 32 bits in the machine's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut octets = Vec::new();
    for at in (0..host.len()).step_by(8) {
        let word = u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    let host = match octets.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)),
    };
    Some((host, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use not_checked::{machine, needs};
    use std::net::{TcpListener, TcpStream};

    #[track_caller]
    fn are_found(host: &str) {
        let listener = TcpListener::bind(host).unwrap();
        let at = listener.local_addr().unwrap();
        let near = TcpStream::connect(at).unwrap();
        let sockets = all();
        let mut found = sockets.iter().filter(|socket| socket.local == at);
        assert!(found.clone().any(|socket| socket.listens && socket.unread == 1));
        assert!(found.any(|socket| socket.remote == near.local_addr().unwrap()));
    }

    #[test]
    fn a_listener_and_a_connection_are_found() {
        are_found("127.0.0.1:0");
    }

    #[test]
    fn those_on_ipv6_are_found() {
        needs!(machine::ipv6());
        are_found("[::1]:0");
    }
}
