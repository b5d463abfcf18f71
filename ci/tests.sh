#!/usr/bin/env bash
# Runs the tests with the command that the README names, in programs that count which of their
# lines run. Fails if a test fails, or if the tests run too little of what users get.
#
# Servers that tests start count too: they are built by the same cargo, with the same settings.
set -euo pipefail
cd "$(dirname "$0")/.."

# Percent of the lines. Code that nothing tests shows here; a few lines more or less are the races'.
bound=96

command="cargo test --workspace"
grep -qxF "$command" README.md || { echo "README.md does not say: $command" >&2; exit 1; }

if ! cargo llvm-cov --version > /dev/null 2>&1; then
    cargo install cargo-llvm-cov --locked
fi
rustup component list --installed | grep -q '^llvm-tools' || rustup component add llvm-tools

# A target directory of its own: cargo does not tell programs that count from others.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/coverage"
# shellcheck disable=SC1090
source <(cargo llvm-cov show-env --sh)
# Thousands of servers are started: they add to a few files, not to one each.
export LLVM_PROFILE_FILE="${LLVM_PROFILE_FILE/-%p-%2m/-%8m}"
cargo llvm-cov clean --workspace
$command

# What the counts are for. Models and the oracle are tests themselves.
cargo llvm-cov report --fail-under-lines "$bound" \
    --ignore-filename-regex '(^|/)(benches|fuzz|tests)/|/(tests|models|oracle)\.rs$'
