#!/usr/bin/env bash
# Runs the tests, with the servers that they start, and measures which lines of mux-core and
# ftp-adapter they run. Fails if a test fails, or if less than 95 % of either package is run.
#
#   ci/coverage.sh          all tests, as `cargo test --workspace` runs them
#   ci/coverage.sh ARGS     those of `cargo test ARGS`; prints the numbers and sets no bound
#   ci/coverage.sh --able   only says whether it can
#
# Needs the compiler's own llvm-cov (rustup's component llvm-tools), and nothing else from the
# network. What was not run, and why: docs/coverage.md.
set -euo pipefail
cd "$(dirname "$0")/.."

tools="$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin"
if ! [ -x "$tools/llvm-cov" ]; then
    rustup component add llvm-tools || true
fi
if ! [ -x "$tools/llvm-cov" ]; then
    echo "This compiler has no llvm-cov: run 'rustup component add llvm-tools'." >&2
    exit 1
fi

[ "${1:-}" != --able ] || exit 0

target="${CARGO_TARGET_DIR:-$PWD/target}"
profiles="$target/coverage/profiles"
rm -rf "$profiles"
mkdir -p "$profiles"
# Servers may run as another user.
chmod 1777 "$profiles"

# Only the packages of the workspace are compiled anew; what they depend on is shared with
# ordinary builds.
export RUSTC_WORKSPACE_WRAPPER="$PWD/ci/coverage/rustc.sh"
export RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -C instrument-coverage -C llvm-args=-runtime-counter-relocation"
# One file for each binary, which all its processes count in.
export LLVM_PROFILE_FILE="$profiles/%m%c.profraw"

# The servers that tests start, kept apart: a later build may put others in their place.
cargo build --package muxftpd --bin muxftpd
cargo build --package ftp-adapter --example tiny_ftpd
export MUXFTPD="$target/coverage/muxftpd" TINY_FTPD="$target/coverage/tiny_ftpd"
cp "$target/debug/muxftpd" "$MUXFTPD"
cp "$target/debug/examples/tiny_ftpd" "$TINY_FTPD"

bound=95
[ $# -eq 0 ] || bound=0
tests=("$@")
[ $# -gt 0 ] || tests=(--workspace)
objects="$target/coverage/objects.json"
cargo test --no-run --message-format=json "${tests[@]}" > "$objects"
# Where one fails, those after it do not run, and numbers would say nothing.
cargo test "${tests[@]}"

python3 ci/coverage/report.py "$tools" "$target" "$bound"
