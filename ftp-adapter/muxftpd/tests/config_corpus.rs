//! Replays the corpus of configuration files that the fuzzer has found, without the fuzzer.

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/config_file.rs"]
mod config_file;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

#[test]
fn every_configuration_file_is_read_or_refused() {
    replay::replay("config_file", config_file::run);
}
