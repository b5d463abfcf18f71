//! The wiring of the multiplexer into libunftp 0.24.

mod binder;
mod data_connections;
mod presence;
mod server;
mod session;
mod tcp_info;
mod unused;
mod watch;

pub use binder::{LeaseGuard, MuxBinder};
pub use server::MuxServer;
