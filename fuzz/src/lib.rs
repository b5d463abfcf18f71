//! What the fuzz targets do with their bytes.
//!
//! It stands apart from the fuzzer so that ordinary tests can do the same: `tests/corpora.rs` of
//! each package includes its part of this and replays the corpora.

pub mod adapter;
pub mod core;
