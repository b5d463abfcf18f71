//! What the kernel knows of a TCP socket.
//!
//! Sockets are asked about by their number, because some are libunftp's: any number may be asked
//! about, and a closed one is an error.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// Where it stands in the kernel's `struct tcp_info`, whose first part does not change.
const STATE: usize = 0;
const LAST_DATA_SENT: usize = 8 + 9 * 4;
const LAST_DATA_RECEIVED: usize = 8 + 11 * 4;
const BYTES_ACKED: usize = 8 + 24 * 4 + 2 * 8;
const BYTES_RECEIVED: usize = BYTES_ACKED + 8;
const LENGTH: usize = BYTES_RECEIVED + 8;

/// `TCP_LISTEN` of the kernel's states.
const LISTEN: u8 = 10;

/// A look at a socket. Needs Linux 4.1.
#[derive(Debug, Clone, Copy)]
pub(super) struct TcpInfo {
    /// Whether it is no connection but listens for some.
    pub(super) listens: bool,
    /// How long nothing has been sent; how old the connection is if nothing ever was.
    pub(super) sent_nothing_for: Duration,
    /// How long nothing has come.
    pub(super) silent_for: Duration,
    /// How many bytes have been sent and have arrived.
    pub(super) bytes_acked: u64,
    /// How many bytes have come. The end counts as one.
    pub(super) bytes_received: u64,
}

impl TcpInfo {
    pub(super) fn of(socket: RawFd) -> io::Result<Self> {
        let bytes: [u8; LENGTH] = option(socket, libc::IPPROTO_TCP, libc::TCP_INFO)?;
        let milliseconds =
            |place| Duration::from_millis(u32::from_ne_bytes(at(&bytes, place)).into());
        Ok(Self {
            listens: bytes[STATE] == LISTEN,
            sent_nothing_for: milliseconds(LAST_DATA_SENT),
            silent_for: milliseconds(LAST_DATA_RECEIVED),
            bytes_acked: u64::from_ne_bytes(at(&bytes, BYTES_ACKED)),
            bytes_received: u64::from_ne_bytes(at(&bytes, BYTES_RECEIVED)),
        })
    }
}

fn at<const N: usize>(bytes: &[u8; LENGTH], place: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[place + i])
}

/// How many bytes have come and were not read.
pub(super) fn unread(socket: RawFd) -> io::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: any number may be asked about, and an int is written, for which there is room.
    let result = unsafe { libc::ioctl(socket, libc::FIONREAD, &raw mut bytes) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// The first `N` bytes of a socket option; an error if the kernel has fewer.
pub(super) fn option<const N: usize>(
    socket: RawFd,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut length = N as libc::socklen_t;
    // SAFETY: any number may be asked about, and the kernel writes at most `length` bytes, for
    // which there is room.
    let result = unsafe {
        libc::getsockopt(socket, level, name, bytes.as_mut_ptr().cast(), &raw mut length)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if (length as usize) < N {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    #[test]
    fn the_kernel_counts_as_it_is_read_here() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut far = listener.accept().unwrap().0;
        near.write_all(&[0; 1000]).unwrap();
        far.read_exact(&mut [0; 1000]).unwrap();
        far.write_all(&[0; 300]).unwrap();
        near.read_exact(&mut [0; 300]).unwrap();
        near.write_all(&[0; 5]).unwrap();
        far.read_exact(&mut [0; 2]).unwrap();
        let info = TcpInfo::of(far.as_raw_fd()).unwrap();
        assert_eq!((info.bytes_received, info.bytes_acked), (1005, 300));
        assert_eq!(unread(far.as_raw_fd()).unwrap(), 3);
        assert!(info.silent_for < Duration::from_secs(60), "{info:?}");
        assert!(info.sent_nothing_for < Duration::from_secs(60), "{info:?}");
        assert!(!info.listens);
        assert!(TcpInfo::of(listener.as_raw_fd()).unwrap().listens);
    }
}
