//! What `mux-core` reads and keeps: port sets, PROXY headers, and the table.

pub mod port_set;
pub mod proxy_header;
mod setup;
pub mod table;
pub mod table_threads;
