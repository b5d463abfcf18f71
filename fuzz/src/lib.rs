//! What the fuzz targets do with their bytes.
//!
//! It stands apart from the fuzzer so that an ordinary test can do the same:
//! `mux-core/tests/corpora.rs` includes this file and replays the corpora.

pub mod port_set;
mod setup;
pub mod table;
pub mod table_threads;
