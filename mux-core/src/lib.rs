//! Shares a few listening TCP ports among many clients.
//!
//! A *reservation* is one session's right to the next connection from one client address to one
//! passive port, until a deadline. Because it is keyed by (port, client), clients with different
//! addresses share the same port at the same moment; only reservations of one and the same
//! address need ports of their own.

pub mod client;
pub mod ports;
mod sync;
pub mod table;

#[cfg(all(feature = "mux", not(loom)))]
pub mod mux;
#[cfg(all(feature = "steering", target_os = "linux", not(loom)))]
pub mod steer;

pub use client::Client;
#[cfg(all(feature = "mux", not(loom)))]
pub use mux::{Mux, Reservation};
pub use ports::PortSet;
