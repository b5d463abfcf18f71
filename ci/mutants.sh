#!/usr/bin/env bash
# Mutation testing: breaks what decides who gets a port or a connection, and what clients are
# told, in every small way that cargo-mutants knows, and sees the tests notice. Fails if one is
# not noticed that ci/mutants/explained.toml does not explain.
#
#   ci/mutants.sh            everything: hours
#   ci/mutants.sh PART ...   these parts: picker, table, steering, passive
#   ci/mutants.sh --report   only compares the last run's results with the explanations
#
# Results of each part: target/mutants/PART/mutants.out
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo mutants --version > /dev/null 2>&1; then
    cargo install cargo-mutants --locked
fi

# Optimised a little: the tests of one mutant then take a second instead of twenty.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0
# What fails with one mutant must not be tried again first with the next.
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=1
results="${CARGO_TARGET_DIR:-$PWD/target}/mutants"

# The tests of a part are those that are about it: one mutant should take seconds.
part() {
    local name=$1
    shift
    mkdir -p "$results/$name"
    # 2: mutants were missed; 3: some only ended by the time limit, which is noticing them.
    cargo mutants --jobs 1 --no-shuffle --baseline run --minimum-test-timeout 30 \
        --output "$results/$name" "$@" || [ $? -le 3 ]
}

picker() {
    part picker --package mux-core --no-default-features \
        --file "mux-core/src/{ports,client}.rs" --file mux-core/src/table/port_picker.rs \
        -- --lib --test corpora --test memory --test reservation_id
}

table() {
    part table --package mux-core --no-default-features \
        --file "mux-core/src/table/*.rs" --exclude mux-core/src/table/port_picker.rs \
        -- --lib --test capacity --test corpora --test memory --test random_ports \
        --test reservation_id
}

steering() {
    part steering --package mux-core \
        --file "mux-core/src/steer/{program,spares,pace,swap}.rs" \
        --file mux-core/src/client_key.rs \
        -- --lib --test mux_crowded --test mux_lease --test mux_client_prefix --test mux_shutdown \
        --test steering_group --test steering_descriptors --test steering_limits
}

passive() {
    part passive --package ftp-adapter --file "ftp-adapter/src/passive/*.rs" \
        -- --lib --test passive_session --test corpora
}

parts=("$@")
[ $# -gt 0 ] || parts=(picker table steering passive)
if [ "${parts[0]}" != --report ]; then
    for name in "${parts[@]}"; do
        "$name"
    done
fi

exec python3 ci/mutants/report.py "$results"
