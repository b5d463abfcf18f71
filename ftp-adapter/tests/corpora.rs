//! Replays the fuzz targets' corpora, without the fuzzer.

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../fuzz/src/adapter/mod.rs"]
mod fuzz;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn replies() {
    replay("replies", fuzz::replies::run);
}

#[test]
fn epsv() {
    replay("epsv", fuzz::epsv::run);
}

#[test]
fn port_map() {
    replay("port_map", fuzz::port_map::run);
}

#[test]
fn passive_host() {
    replay("passive_host", fuzz::passive_host::run);
}

#[test]
fn session() {
    replay("session", fuzz::session::run);
}
