//! Shares a few listening TCP ports among many clients.
//!
#![cfg_attr(feature = "mux", doc = "```")]
#![cfg_attr(not(feature = "mux"), doc = "```ignore")]
//! use mux_core::{Mux, PortSet};
//! use tokio::net::TcpStream;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ports: PortSet = "29192-29200".parse()?;
//! let mux = Mux::builder(ports).bind()?;
//!
//! // Two sessions, whose clients have different addresses. They may well get the same port.
//! let mut one = mux.reserve(std::net::IpAddr::from([127, 0, 0, 1])).await?;
//! let two = mux.reserve(std::net::IpAddr::from([192, 0, 2, 7])).await?;
//!
//! // The first one's client connects; nobody else's connection would be delivered.
//! let there = TcpStream::connect(("127.0.0.1", one.port())).await?;
//! let here = one.accept().await?;
//! assert_eq!(here.peer_addr()?, there.local_addr()?);
//! # drop(two);
//! # Ok(())
//! # }
//! ```
//!
//! A *reservation* is one session's right to the next connection from one client address to one
//! passive port, until a deadline. Because it is keyed by (port, client), clients with different
//! addresses share the same port at the same moment; only reservations of one and the same
//! address need ports of their own.
//!
//! - [`table`]: who may claim the next connection. No I/O, no clock, no runtime.
#![cfg_attr(feature = "mux", doc = "- [`mux`]: the tokio front, for servers that take a stream.")]
//!
//! # Features
//!
//! - `mux` (default): the tokio front.
//! - `steering` (default): lending listening sockets; works on Linux.
//! - `proxy`: reading PROXY protocol headers.
//! - `steering-internals`: not for users; shows the parts of steering to their tests.
//! - `oracle`: the plain model of the table that property tests and fuzz targets share.

mod client;
mod client_key;
mod ports;
#[cfg(feature = "proxy")]
pub mod proxy;
mod reserve_error;
mod sync;
pub mod table;

#[cfg(all(feature = "mux", not(loom)))]
pub mod mux;
#[cfg(all(feature = "steering", target_os = "linux", not(loom)))]
#[cfg(feature = "steering-internals")]
pub mod steer;
#[cfg(all(feature = "steering", target_os = "linux", not(loom)))]
#[cfg(not(feature = "steering-internals"))]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the tests of the parts use more of them than the multiplexer does"
)]
mod steer;

pub use client::Client;
pub use client_key::{ClientKey, ClientPrefix, PrefixError};
#[cfg(all(feature = "mux", not(loom)))]
pub use mux::{Mux, Reservation};
pub use ports::{PortSet, PortSetError};
pub use reserve_error::ReserveError;
