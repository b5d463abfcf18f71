//! What `mux-core` reads and keeps: port sets, and the table.

pub mod port_set;
mod setup;
pub mod table;
pub mod table_threads;
