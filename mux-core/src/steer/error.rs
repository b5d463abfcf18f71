//! What can go wrong when a listener is lent, and why steering may not be available at all.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Why no listener was lent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LendError {
    /// The client's address is not of the family that the group's address has.
    #[error("the client's address family is not the listener's: lend from a group of its family")]
    WrongFamily,
    /// The group has as many members as it may have, and every one is lent.
    #[error("as many clients as one port can steer hold this one: try another port")]
    Full,
    /// As many ports of this process steer already as may: 512, on one address each. Another port
    /// that steers already may do.
    #[error("too many ports steer: give fewer passive ports, since many clients share each")]
    TooManyPorts,
    /// The program would have to be changed, and programs were changed too often lately: 400 at
    /// once and 500 a second are allowed. Nothing is wrong; call again after `retry_in`.
    #[error("steered listeners are changing hands too fast: retry in {retry_in:?}")]
    TooFast {
        /// When the program may be changed again, some milliseconds at most as a rule.
        retry_in: Duration,
    },
    /// The system refused. The group is as it was, and the call may be repeated.
    ///
    /// Out of descriptors (`EMFILE`, `ENFILE`), [`Mux::relieve`](crate::Mux::relieve) may give some
    /// back.
    #[error("the system refused a steered listener: {0}")]
    System(#[from] io::Error),
}

/// Why this system cannot steer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SteeringUnavailable {
    /// `net.ipv4.tcp_migrate_req` is on in this network namespace.
    #[error(
        "net.ipv4.tcp_migrate_req is on, which keeps a replaced listener in its group: \
         set it to 0 (sysctl -w net.ipv4.tcp_migrate_req=0)"
    )]
    TcpMigrateReq,
    /// A program cannot be attached to a group of listeners.
    #[error(
        "a steering program cannot be attached on {address}: {source}; it needs Linux 4.6 or \
         later and a sandbox that lets SO_ATTACH_REUSEPORT_CBPF through"
    )]
    Attach {
        /// The loopback address that was tried.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// This process steers on as many ports as it may already.
    #[error(
        "steering cannot be tried out on {address} while this process steers on as many ports as \
         it may: try it out before any port is bound"
    )]
    TooManyPorts {
        /// The loopback address that was to be tried.
        address: IpAddr,
    },
    /// A program was attached, but connections do not go where it says.
    #[error(
        "a steering program was attached on {address}, but the system does not follow it \
         ({step}): run on a Linux kernel rather than an emulation of one"
    )]
    NotFollowed {
        /// The loopback address that was tried.
        address: IpAddr,
        /// What went another way.
        step: &'static str,
    },
    /// Sockets on loopback do not work, so nothing could be tried.
    #[error("steering cannot be tried out on {address}: {source}; bring the loopback interface up")]
    Loopback {
        /// The loopback address that was tried.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
}
