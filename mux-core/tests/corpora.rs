//! Replays the fuzz targets' corpora, without the fuzzer.
#![cfg(not(any(loom, miri)))]

use std::fs;
use std::path::Path;

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

#[test]
fn port_set() {
    replay("port_set", fuzz::port_set::run);
}

#[test]
fn table() {
    replay("table", fuzz::table::run);
}

#[test]
fn table_threads() {
    replay("table_threads", fuzz::table_threads::run);
}

fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&corpus)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", corpus.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a directory entry").path()).collect();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    files.sort();
    for file in files {
        // Only shown when the test fails: the last one is the one it failed on.
        println!("{}", file.display());
        run(&fs::read(&file).expect("a corpus file"));
    }
}
