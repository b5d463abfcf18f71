//! What `ftp-adapter` reads, says and keeps: configuration texts, replies, and sessions.

pub mod epsv;
mod mux;
pub mod passive_host;
#[path = "../paused.rs"]
mod paused;
pub mod port_map;
pub mod replies;
pub mod session;
