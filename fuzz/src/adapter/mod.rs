//! What `ftp-adapter` reads, says and keeps: configuration texts, replies, and sessions.

pub mod epsv;
mod mux;
pub mod passive_host;
pub mod port_map;
pub mod replies;
pub mod session;
