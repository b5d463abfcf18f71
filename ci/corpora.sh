#!/usr/bin/env bash
# Puts what fuzzing has found (fuzz/target/found) into the corpora, and makes those as small as
# they can be without reaching less. For all targets, or those named.
set -euo pipefail
cd "$(dirname "$0")/.."

# As in ci/fuzz.sh.
export RUSTC_BOOTSTRAP=1
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
    corpus="fuzz/corpus/$target"
    whole=$(mktemp -d)
    kept=$(mktemp -d)
    cp "$corpus"/* "$whole"
    [ ! -d "fuzz/target/found/$target" ] || find "fuzz/target/found/$target" -type f -exec cp -t "$whole" {} +
    # Without counters: what only runs the same code more often is left out.
    cargo fuzz run "$target" -- -merge=1 -use_counters=0 -use_value_profile=0 "$kept" "$whole" \
        > "fuzz/target/found/$target.merge.log" 2>&1
    rm "$corpus"/*
    cp "$kept"/* "$corpus"
    rm -r "$whole" "$kept"
    echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(cat "$corpus"/* | wc -c) bytes"
done
