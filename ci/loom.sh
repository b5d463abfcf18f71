#!/usr/bin/env bash
# Runs the table's scenarios under loom, in every order it can find.
set -euo pipefail
cd "$(dirname "$0")/.."

# A target directory of its own: the flag changes every dependency.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"
export RUSTFLAGS="${RUSTFLAGS:-} --cfg loom"

exec cargo test --package mux-core --no-default-features --release --lib models "$@"
