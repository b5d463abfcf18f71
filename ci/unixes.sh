#!/usr/bin/env bash
# Checks that muxftpd compiles for other Unixes than Linux. Nothing is linked, so no C compiler for
# them is needed: in its place, build scripts are given a program that does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

for target in x86_64-unknown-freebsd x86_64-apple-darwin; do
    rustup target list --installed | grep --quiet --line-regexp "$target" \
        || rustup target add "$target"
    echo "check for $target"
    CC=true AR=true cargo rustc --quiet --package muxftpd --lib --profile check \
        --target "$target" -- -D warnings
done
