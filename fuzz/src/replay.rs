//! Replays corpora without the fuzzer. Included by `tests/corpora.rs` of each package.

use std::fs;
use std::path::Path;

/// Runs `target` on every input of its corpus.
///
/// # Panics
///
/// If the corpus is missing or empty, or `run` panics.
pub fn replay(target: &str, run: fn(&[u8])) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|above| above.join("fuzz/corpus").is_dir());
    let corpus = root.expect("the repository has corpora").join("fuzz/corpus").join(target);
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
