//! What the kernel has counted of a TCP connection.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// Where it stands in the kernel's `struct tcp_info`, whose first part does not change.
const LAST_DATA_RECEIVED: usize = 8 + 11 * 4;
const BYTES_ACKED: usize = 8 + 24 * 4 + 2 * 8;
const BYTES_RECEIVED: usize = BYTES_ACKED + 8;
const LENGTH: usize = BYTES_RECEIVED + 8;

/// A look at a connection. Needs Linux 4.1.
#[derive(Debug, Clone, Copy)]
pub(super) struct TcpInfo {
    /// How long nothing has come.
    pub(super) silent_for: Duration,
    /// How many bytes have been sent and have arrived.
    pub(super) bytes_acked: u64,
    /// How many bytes have come.
    pub(super) bytes_received: u64,
}

impl TcpInfo {
    pub(super) fn of(socket: &impl AsFd) -> io::Result<Self> {
        let mut bytes = [0; LENGTH];
        let mut length = LENGTH as libc::socklen_t;
        // SAFETY: the descriptor is borrowed for the call, and the kernel writes at most `length`
        // bytes, for which there is room.
        let result = unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                bytes.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        if (length as usize) < LENGTH {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let silent = u32::from_ne_bytes(at(&bytes, LAST_DATA_RECEIVED));
        Ok(Self {
            silent_for: Duration::from_millis(silent.into()),
            bytes_acked: u64::from_ne_bytes(at(&bytes, BYTES_ACKED)),
            bytes_received: u64::from_ne_bytes(at(&bytes, BYTES_RECEIVED)),
        })
    }
}

fn at<const N: usize>(bytes: &[u8; LENGTH], place: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[place + i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

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
        far.read_exact(&mut [0; 5]).unwrap();
        let info = TcpInfo::of(&far).unwrap();
        assert_eq!((info.bytes_received, info.bytes_acked), (1005, 300));
        assert!(info.silent_for < Duration::from_secs(60), "{info:?}");
    }
}
