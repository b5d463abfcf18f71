//! What a header of either version says.

use std::net::SocketAddr;

/// The longest header that is read, in bytes. Version 1 allows 107. Version 2 allows 65,551, of
/// which addresses take at most 232; the rest are extensions that proxies fill with a few hundred
/// bytes, and that nobody here needs. nginx draws the same line.
pub const MAX_HEADER_LENGTH: usize = 4096;

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whom it speaks of.
    pub origin: Origin,
    /// How many bytes it takes, at most [`MAX_HEADER_LENGTH`]. What follows is the client's.
    pub length: usize,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client's, passed on.
    Client {
        /// The client's address.
        source: SocketAddr,
        /// The address that the client has connected to.
        destination: SocketAddr,
    },
    /// A client's, of which the proxy does not know or say the address.
    Unknown,
    /// The proxy's own: a health check.
    Local,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// They start as neither version does.
    #[error("there is no PROXY header; have the proxy send one on this port (send-proxy-v2)")]
    Absent,
    /// Version 1: no end within 107 bytes. Version 2: longer than [`MAX_HEADER_LENGTH`].
    #[error("the PROXY header is too long; have the proxy send fewer extensions")]
    TooLong,
    /// Not as the specification has it.
    #[error("the PROXY header is malformed")]
    Malformed,
    /// Neither version 1 nor 2.
    #[error("the PROXY header is of an unknown version; have the proxy send version 1 or 2")]
    Version,
    /// It is about something else than TCP over IPv4 or IPv6.
    #[error("the PROXY header speaks of another protocol than TCP over IPv4 or IPv6")]
    Family,
    /// Its checksum is not that of its bytes.
    #[error("the checksum of the PROXY header is wrong")]
    Checksum,
}
