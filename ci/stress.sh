#!/usr/bin/env bash
# The misdelivery stress by itself, optimised, with its counts.
set -euo pipefail
cd "$(dirname "$0")/.."

exec cargo test --release --package mux-core --test steering_stress -- --nocapture
