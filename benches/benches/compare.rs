//! What `cargo bench` runs: the quick comparison, with its report in `target/compare`. Arguments go
//! to the program: `cargo bench -- --only table`. All of them, and how to measure more:
//! `cargo run --release -p mux-benches --bin compare -- --help`.

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let (from_cargo, own): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|argument| argument == "--bench");
    // `cargo test --benches` runs this, too, and wants no figures.
    if from_cargo.is_empty() {
        return ExitCode::SUCCESS;
    }
    let mut compare = Command::new(env!("CARGO_BIN_EXE_compare"));
    // Cargo runs benchmarks in the directory of their package.
    compare.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let status = compare.arg("--quick").args(own).status().expect("compare can be started");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
