//! TCP_NODELAY for servers that accept their control connections themselves.

use nix::sys::socket::{SockaddrIn, getsockname, setsockopt, sockopt};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

/// Sets TCP_NODELAY on this process's listener on `address`: on Linux, what it accepts inherits
/// the option. Says whether there is such a listener.
pub(super) fn set_nodelay(address: SocketAddr) -> io::Result<bool> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let Some(descriptor) = entry?.file_name().to_str().and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if local_address(descriptor) != Some(address) {
            continue;
        }
        // SAFETY: it is that of the listener, which the server keeps open until the process ends.
        let listener = unsafe { BorrowedFd::borrow_raw(descriptor) };
        setsockopt(&listener, sockopt::TcpNoDelay, &true)?;
        return Ok(true);
    }
    Ok(false)
}

fn local_address(descriptor: RawFd) -> Option<SocketAddr> {
    let address: SockaddrIn = getsockname(descriptor).ok()?;
    Some(std::net::SocketAddrV4::from(address).into())
}
