//! libunftp's data connections, found among the descriptors of this process.
//!
//! libunftp accepts them itself and tells nobody of them. But Linux hands the options of a
//! listening socket on to what is accepted from it. So each lent listener is given two timeouts
//! that nobody else would choose: they mean nothing to a socket that does not block, and here they
//! say whose a connection is, as long as anybody holds it.

use super::tcp_info::{self, TcpInfo};
use mux_core::{Client, ClientPrefix};
use nix::sys::resource::{Resource, getrlimit};
use socket2::SockRef;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::os::fd::RawFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many bits of seconds name a session or a client, so that the kernel keeps them exactly. It
/// counts time in thousandths of a second at most, in its own word.
const BITS: u32 = if cfg!(target_pointer_width = "64") { 48 } else { 20 };
const FIRST: u64 = 1 << BITS;

/// All data connections of one session, or of all sessions of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A session, as [`Tag::new`] has numbered it.
    Session(u64),
    /// The hash of a client's address, or of the network of an IPv6 address: whoever has one of
    /// those addresses has them all.
    Client(u64),
}

/// Whose a data connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) session: Owner,
    pub(super) client: Owner,
}

impl Tag {
    /// The tag of a new session of `client`.
    pub(super) fn new(client: Client) -> Self {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let prefix = const {
            match ClientPrefix::new(32, 64) {
                Ok(prefix) => prefix,
                Err(_) => panic!("these are prefixes"),
            }
        };
        let session = SESSIONS.fetch_add(1, Relaxed) % FIRST;
        let client = HASHER.hash_one(prefix.key(client)) % FIRST;
        Self { session: Owner::Session(session), client: Owner::Client(client) }
    }

    /// Tags what will be accepted from `listener`.
    pub(super) fn put_on(self, listener: &TcpListener) -> io::Result<()> {
        let (Owner::Session(session), Owner::Client(client)) = (self.session, self.client) else {
            unreachable!("a tag names a session and a client");
        };
        let socket = SockRef::from(listener);
        socket.set_read_timeout(Some(Duration::from_secs(FIRST + session)))?;
        socket.set_write_timeout(Some(Duration::from_secs(FIRST + client)))
    }

    fn of(socket: RawFd) -> Option<Self> {
        let named = |option| seconds(socket, option)?.checked_sub(FIRST).filter(|it| *it < FIRST);
        let session = Owner::Session(named(libc::SO_RCVTIMEO)?);
        let client = Owner::Client(named(libc::SO_SNDTIMEO)?);
        Some(Self { session, client })
    }
}

/// The whole seconds of a timeout.
fn seconds(socket: RawFd, option: libc::c_int) -> Option<u64> {
    const LENGTH: usize = size_of::<libc::time_t>();
    let bytes: [u8; LENGTH] = tcp_info::option(socket, libc::SOL_SOCKET, option).ok()?;
    libc::time_t::from_ne_bytes(bytes).try_into().ok()
}

/// A data connection that this process holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataConnection {
    pub(super) tag: Tag,
    /// How long nothing was read from it or written to it; `None` if something was.
    pub(super) unused_for: Option<Duration>,
}

/// Every data connection that libunftp holds now.
pub(super) fn all() -> impl Iterator<Item = DataConnection> {
    (0..table_size()).filter_map(DataConnection::of)
}

impl DataConnection {
    fn of(socket: RawFd) -> Option<Self> {
        let tag = Tag::of(socket)?;
        let info = TcpInfo::of(socket).ok()?;
        if info.listens {
            return None;
        }
        // The client's end may be one of the bytes that came.
        let read = info.bytes_received - tcp_info::unread(socket).ok()?.min(info.bytes_received);
        let wrote = info.bytes_acked > 0 || tcp_info::unsent(socket).ok()? > 0;
        let unused_for = (!wrote && read <= 1).then_some(info.sent_nothing_for);
        Some(Self { tag, unused_for })
    }
}

/// No descriptor of this process has a number as high as this.
fn table_size() -> RawFd {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
    let size = size.and_then(|size| size.trim().parse().ok());
    size.unwrap_or_else(|| RawFd::try_from(descriptors()).unwrap_or(RawFd::MAX))
}

/// How many descriptors this process may have.
pub(super) fn descriptors() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _hard)| soft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{IpAddr, Shutdown, TcpStream};

    fn listener(tag: Tag) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        tag.put_on(&listener).unwrap();
        listener
    }

    fn connected(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn of_session(tag: Tag) -> Vec<DataConnection> {
        all().filter(|connection| connection.tag == tag).collect()
    }

    #[test]
    fn what_is_accepted_is_found_until_it_is_closed() {
        let tag = Tag::new(IpAddr::from([127, 0, 0, 1]).into());
        let listener = listener(tag);
        assert_eq!(of_session(tag).len(), 0, "a listener is no connection");
        let (one, two) = (connected(&listener), connected(&listener));
        assert_eq!(of_session(tag).len(), 2);
        // Also one that its client has reset.
        SockRef::from(&one.0).set_linger(Some(Duration::ZERO)).unwrap();
        drop(one.0);
        assert_eq!(of_session(tag).len(), 2);
        drop(one.1);
        assert_eq!(of_session(tag).len(), 1);
        drop(two);
        assert_eq!(of_session(tag).len(), 0);
    }

    #[test]
    fn sessions_of_a_client_and_clients_of_a_network_are_told_apart() {
        let tag = |address: &str| Tag::new(address.parse::<IpAddr>().unwrap().into());
        let (one, two) = (tag("192.0.2.1"), tag("192.0.2.1"));
        assert_ne!(one.session, two.session);
        assert_eq!(one.client, two.client);
        assert_ne!(one.client, tag("192.0.2.2").client);
        assert_eq!(tag("2001:db8::1").client, tag("2001:db8::2").client);
        assert_ne!(tag("2001:db8::1").client, tag("2001:db8:0:1::1").client);
    }

    #[test]
    fn one_is_unused_until_something_is_read_or_written() {
        let tag = Tag::new(IpAddr::from([127, 0, 0, 1]).into());
        let listener = listener(tag);
        let is_unused = || of_session(tag)[0].unused_for.is_some();

        let (mut near, far) = connected(&listener);
        assert!(is_unused());
        // What the client sends is not read yet, nor its end.
        near.write_all(b"early").unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        assert!(is_unused());
        io::copy(&mut &far, &mut io::sink()).unwrap();
        assert!(!is_unused());
        drop((near, far));

        let (_near, mut far) = connected(&listener);
        assert!(is_unused());
        far.write_all(b"late").unwrap();
        assert!(!is_unused());
    }
}
