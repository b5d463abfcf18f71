//! Replays the corpus of configuration files that the fuzzer has found, without the fuzzer.

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../fuzz/src/config_file.rs"]
mod config_file;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../fuzz/src/replay.rs"]
mod replay;

// The program's own, which cannot be reached from outside.
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../src/bin/muxftpd/config.rs"]
mod config;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../src/bin/muxftpd/logging.rs"]
mod logging;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../src/bin/muxftpd/options.rs"]
mod options;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../src/bin/muxftpd/values.rs"]
mod values;

#[test]
fn every_configuration_file_is_read_or_refused() {
    replay::replay("config_file", config_file::run);
}
