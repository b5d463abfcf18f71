#!/usr/bin/env bash
# The misdelivery stress, longer than among all tests, optimised, with its counts.
set -euo pipefail
cd "$(dirname "$0")/.."

exec env MUX_STRESS=1 cargo test --release --package mux-core --test steering_stress -- --nocapture
