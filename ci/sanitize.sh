#!/usr/bin/env bash
# Runs mux-core's tests under sanitizers, which see what tests alone do not: memory that is used
# after its end or never freed (address, with leaks), and races that happened to do no harm
# (thread). `miri` needs a nightly compiler, and both `thread` and `miri` need components.
#
#   ci/sanitize.sh             address, thread
#   ci/sanitize.sh NAME ...    of address, thread, miri, valgrind
#
# Where the components cannot be had, Valgrind looks at the same tests instead.
set -euo pipefail
cd "$(dirname "$0")/.."

# The stable compiler takes unstable flags, such as those for sanitizers, where this is set.
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')
target="${CARGO_TARGET_DIR:-$PWD/target}/sanitize"
# Optimised a little: sanitizers are slow enough.
export CARGO_PROFILE_DEV_OPT_LEVEL=1

# Tells whether a toolchain has a component, after trying to get it.
has() {
    rustup component list --toolchain "$1" --installed 2> /dev/null | grep -q "^$2" ||
        rustup component add --toolchain "$1" "$2"
}

# The tests of the table, with no front: those on threads, and what the fuzzer has found.
table_tests() { "$@" --package mux-core --no-default-features --lib --test corpora table; }

address() {
    echo "== AddressSanitizer and LeakSanitizer: mux-core, sockets included"
    RUSTFLAGS="-Zsanitizer=address" cargo test --target "$host" --target-dir "$target/address" \
        --package mux-core --lib --tests -- --skip no_connection_goes_to_another_client \
        --skip a_reservation_takes_at_most
}

thread() {
    if ! has stable rust-src; then
        echo "rust-src is not to be had, and without it ThreadSanitizer reports races that are none."
        valgrind
        return
    fi
    echo "== ThreadSanitizer: the table's threads"
    RUSTFLAGS="-Zsanitizer=thread" table_tests \
        cargo test -Zbuild-std --target "$host" --target-dir "$target/thread"
}

miri() {
    if ! has nightly miri || ! has nightly rust-src; then
        echo "Miri is not to be had."
        valgrind
        return
    fi
    echo "== Miri: what the table's unsafe code may do at all"
    MIRIFLAGS="-Zmiri-disable-isolation" cargo +nightly miri test --target-dir "$target/miri" \
        --package mux-core --no-default-features --lib -- \
        table::models table::slot table::opening table::state
}

valgrind() {
    echo "== Valgrind: the table's threads"
    type -P valgrind > /dev/null || { echo "Install valgrind first." >&2; exit 1; }
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite" \
        table_tests cargo test --target-dir "$target/valgrind"
}

checks=("$@")
[ $# -gt 0 ] || checks=(address thread)
for check in "${checks[@]}"; do
    SECONDS=0
    "$check"
    echo "== $check took $SECONDS s"
done
