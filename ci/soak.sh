#!/usr/bin/env bash
# Runs both servers under a mixed load for as long as told, draws how descriptors, memory, threads
# and latency went, and fails if anything grows or goes wrong:
#
#   ci/soak.sh 3m
#   ci/soak.sh 1h --output DIRECTORY     # picture and samples; target/soak otherwise
#
# It keeps out of the way of whatever else the machine does.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { echo "Say for how long: ci/soak.sh 3m" >&2; exit 2; }
cargo build --quiet --release --package muxftpd --bin muxftpd
cargo build --quiet --release --package ftp-adapter --features libunftp --example libunftp_server
cargo build --quiet --release --package mux-benches --bin soak
target="$(realpath "${CARGO_TARGET_DIR:-target}")/release"
# Servers and all that they have opened.
ulimit -n "$(ulimit -Hn)"
exec env MUXFTPD="$target/muxftpd" LIBUNFTP_SERVER="$target/examples/libunftp_server" \
    nice -n 10 "$target/soak" "$@"
