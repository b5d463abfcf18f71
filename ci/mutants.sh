#!/usr/bin/env bash
# Mutation testing: breaks what decides who gets a port or a connection, and what clients are
# told, in every small way that cargo-mutants knows, and sees the tests notice. Fails if one is
# not noticed. What makes no difference is left out in .cargo/mutants.toml, with the reason, or
# beside the code: #[cfg_attr(any(), mutants::skip)].
#
#   ci/mutants.sh            everything: hours
#   ci/mutants.sh PART ...   these parts: picker, table, steering, passive
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
failed=()

# The tests of a part are those that are about it: one mutant should take seconds.
part() {
    local name=$1 status=0
    shift
    mkdir -p "$results/$name"
    cargo mutants --jobs 1 --no-shuffle --baseline run --minimum-test-timeout 30 \
        --output "$results/$name" "$@" || status=$?
    # 3: some only ended by the time limit, which is noticing them.
    [ "$status" = 0 ] || [ "$status" = 3 ] || failed+=("$name")
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
for name in "${parts[@]}"; do
    "$name"
done
[ "${#failed[@]}" = 0 ] || { echo "Tests did not notice everything in: ${failed[*]}" >&2; exit 1; }
