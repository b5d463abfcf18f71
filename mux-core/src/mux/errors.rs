//! What can go wrong, by what was asked for.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why [`Reservation::accept`](super::Reservation::accept) delivered no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The client did not connect before the deadline. The port is free again.
    #[error("the client did not connect before the reservation expired")]
    Expired,
    /// The connection was delivered before: a reservation is for one.
    #[error("the reservation's connection was delivered before")]
    Delivered,
    /// The mux has been shut down.
    #[error("the multiplexer has been shut down")]
    ShutDown,
}

/// Why [`VerifiedReservation::verified`](super::VerifiedReservation::verified) delivered no
/// connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// Connections came, and none was the right one.
    #[error("no connection that came could be verified")]
    Rejected,
    /// None came that could have been.
    #[error(transparent)]
    NotAccepted(#[from] AcceptError),
}

/// Why a mux could not be built. Nothing is left bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// No address to listen on was given.
    #[error("no address to listen on was given: give at least one")]
    NoAddress,
    /// Some ports could not be bound.
    #[error(transparent)]
    Ports(#[from] PortsError),
    /// The system cannot steer.
    #[cfg(all(feature = "steering", target_os = "linux"))]
    #[error(transparent)]
    Steering(#[from] crate::steer::SteeringUnavailable),
    /// Steering and a preface were asked for together.
    #[error(
        "a connection cannot be steered by what it says: the kernel steers it before it says \
         anything; use stream delivery with a PROXY header or another preface"
    )]
    PrefaceWithSteering,
    /// Steering was asked for where there is none.
    #[error("steering needs Linux and the `steering` feature: use stream delivery instead")]
    SteeringUnsupported,
}

/// The ports that could not be bound, one line each.
#[derive(Debug)]
pub struct PortsError {
    /// Every address that failed, and why.
    pub failures: Vec<(SocketAddr, io::Error)>,
}

/// More lines than this would only push the first ones off the screen.
const MAX_LINES: usize = 10;

impl fmt::Display for PortsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (address, error)) in self.failures.iter().take(MAX_LINES).enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "cannot listen on {address}: {}", Cause(error))?;
        }
        match self.failures.len().saturating_sub(MAX_LINES) {
            0 => Ok(()),
            more => write!(f, "\n... and {more} more ports"),
        }
    }
}

impl std::error::Error for PortsError {}

/// A system error with what to do about it, where that is known.
struct Cause<'a>(&'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0.kind() {
            io::ErrorKind::AddrInUse => {
                "it is in use by another process: stop that one, or choose other ports"
            }
            io::ErrorKind::PermissionDenied => {
                "permission denied: ports below 1024 need CAP_NET_BIND_SERVICE"
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ if super::backoff::is_shortage(self.0) => {
                return write!(f, "{}: raise the limit on open files (ulimit -n)", self.0);
            }
            _ => return self.0.fmt(f),
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failing_port_is_named_up_to_a_screenful() {
        let failure = |port| {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            (address, io::Error::from(io::ErrorKind::AddrInUse))
        };
        let error = PortsError { failures: (1..=3).map(failure).collect() };
        let text = error.to_string();
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("127.0.0.1:2: it is in use by another process"), "{text}");
        let error = PortsError { failures: (1..=13).map(failure).collect() };
        assert_eq!(error.to_string().lines().last(), Some("... and 3 more ports"));
    }
}
