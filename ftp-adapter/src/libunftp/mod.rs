//! The wiring of the multiplexer into libunftp 0.24.

mod accept;
mod admission;
mod binder;
mod data_connections;
mod events;
mod host;
mod origin;
mod server;
mod session;
mod shared;
mod tcp_info;
mod tickets;
mod tls;
mod tracked;
mod transfers;
mod unused;
mod watch;

pub use binder::{LeaseGuard, MuxBinder};
pub use events::{Events, SessionEnd, SessionOver, SessionRefused, Transfer};
pub use origin::Origin;
pub use server::{MuxServer, StorageGenerator};
pub use tls::{Tls, TlsError};
pub use tracked::Tracked;
