//! Replays the corpus of first words of TLS clients, without the fuzzer.

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/client_hello.rs"]
mod client_hello;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

#[test]
fn every_hello_is_read_as_rustls_reads_it() {
    replay::replay("client_hello", client_hello::run);
}
