//! What `mux-core` reads and keeps: port sets, PROXY headers, the table, and connections that wait
//! for their preface.

#[path = "../paused.rs"]
mod paused;
pub mod port_set;
pub mod proxy_header;
mod setup;
pub mod stage;
pub mod table;
pub mod table_threads;
