//! Replays the fuzz targets' corpora, without the fuzzer.
#![cfg(not(any(loom, miri)))]

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../fuzz/src/core/mod.rs"]
mod fuzz;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn port_set() {
    replay("port_set", fuzz::port_set::run);
}

#[test]
fn proxy_header() {
    replay("proxy_header", fuzz::proxy_header::run);
}

#[test]
fn stage() {
    replay("stage", fuzz::stage::run);
}

#[test]
fn table() {
    replay("table", fuzz::table::run);
}

#[test]
fn table_threads() {
    replay("table_threads", fuzz::table_threads::run);
}
