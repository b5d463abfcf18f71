//! The wiring of the multiplexer into libunftp 0.24.

mod accept;
mod binder;
mod host;
mod server;
mod session;
mod tickets;
mod tls;
mod tracked;
mod transfers;

pub use binder::{LeaseGuard, MuxBinder};
pub use server::{MuxServer, StorageGenerator};
pub use tls::{Tls, TlsError};
pub use tracked::Tracked;
