//! The PROXY protocol: what a proxy says about a connection before it passes it on.
//!
//! A proxy that opens connections of its own hides where they come from. With the PROXY protocol it
//! starts each one with a header that names the client's address, and the one that the client
//! has connected to. [`read`] reads versions 1 and 2, as the bytes come; [`Networks`] says who is
//! believed.
//!
//! ```
//! use mux_core::proxy::{Origin, Progress, read};
//!
//! let received = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 8192\r\nUSER anonymous\r\n";
//! assert_eq!(read(&received[..20]), Progress::More);
//! let Progress::Header(header) = read(received) else { panic!("a whole header") };
//! assert_eq!(&received[header.length..], b"USER anonymous\r\n");
//! let Origin::Client { source, .. } = header.origin else { panic!("it names a client") };
//! assert_eq!(source, "192.0.2.7:50000".parse().unwrap());
//! ```
//!
//! This is the protocol of HAProxy's document `proxy-protocol.txt`, and there is no I/O in reading headers.

mod checksum;
mod header;
mod networks;
mod read;
#[cfg(all(feature = "mux", not(loom)))]
mod receive;
mod v1;
mod v2;

pub use header::{Header, HeaderError, MAX_HEADER_LENGTH, Origin};
pub use networks::{Networks, NetworksError};
pub use read::{Progress, read};
#[cfg(all(feature = "mux", not(loom)))]
pub use receive::{HEADER_TIMEOUT, ReceiveError, receive};
