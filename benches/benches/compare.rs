//! What `cargo bench` runs: the quick comparison, with its report. For more, and for parts of it,
//! run the program itself: `cargo run --release -p mux-benches --bin compare -- --help`.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // `cargo test --benches` runs this, too, and wants no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut compare = Command::new(env!("CARGO_BIN_EXE_compare"));
    let status = compare.arg("--quick").status().expect("compare can be started");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
