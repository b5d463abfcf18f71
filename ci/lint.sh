#!/usr/bin/env bash
# Clippy over everything, and over every combination of features that somebody may choose.
set -euo pipefail
cd "$(dirname "$0")/.."

clippy() {
    echo "clippy $*"
    cargo clippy --quiet "$@" -- -D warnings
}

clippy --workspace --all-targets --all-features
clippy --package mux-core --no-default-features
clippy --package mux-core --no-default-features --features mux
clippy --package mux-core --no-default-features --features steering
clippy --package mux-core --no-default-features --features oracle
clippy --package mux-core --no-default-features --features proxy
clippy --package ftp-adapter
clippy --package ftp-adapter --features libunftp
clippy --package muxftpd
