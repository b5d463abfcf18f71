//! Replays the corpus of logs that the fuzzer has found, without the fuzzer.

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../fuzz/src/portsize_log.rs"]
mod portsize_log;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../fuzz/src/replay.rs"]
mod replay;

// The program's own, which cannot be reached from outside.
#[allow(dead_code, unused_imports, reason = "the program uses the rest")]
#[path = "../src/bin/portsize/log/mod.rs"]
mod log;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../src/bin/portsize/recording.rs"]
mod recording;

#[test]
fn every_log_is_read_or_refused() {
    replay::replay("portsize_log", portsize_log::run);
}
