//! What the fuzz targets do with their bytes.
//!
//! It stands apart from the fuzzer so that ordinary tests can do the same: the tests of each
//! package include its part of this and replay the corpora.

pub mod adapter;
pub mod client_hello;
pub mod config_file;
pub mod core;
pub mod fact_arguments;
pub mod ftp_path;
pub mod ftp_session;
pub mod listing;
pub mod portsize_log;
pub mod users_file;
pub mod wildcard;

// What programs read cannot be reached from outside, so it is compiled in here once more.
#[allow(dead_code, unused_imports, reason = "the program uses the rest")]
#[path = "../../benches/src/bin/portsize/log/mod.rs"]
mod log;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../../benches/src/bin/portsize/recording.rs"]
mod recording;
