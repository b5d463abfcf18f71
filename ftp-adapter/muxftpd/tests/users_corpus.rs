//! Replays the corpus of users files that the fuzzer has found, without the fuzzer.

#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/users_file.rs"]
mod users_file;

#[test]
fn every_users_file_is_read_or_refused() {
    replay::replay("users_file", users_file::run);
}
