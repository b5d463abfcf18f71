//! One thread: the table does what the plain list does.

use mux_core::table::oracle::Run;

use super::setup::{Setup, decode};

/// Drives a table and the plain list beside it.
///
/// # Panics
///
/// If they differ.
pub fn run(bytes: &[u8]) {
    let Some((Setup { ports, capacity, seed }, operations)) = decode(bytes) else { return };
    let mut run = Run::new(ports, capacity, seed);
    for operation in operations {
        run.apply(operation);
    }
    run.finish();
}
