#!/usr/bin/env bash
# Fuzzes every target for some seconds (60 unless told), starting from its corpus, and fails if
# one finds anything.
#
#   ci/fuzz.sh SECONDS              all targets
#   ci/fuzz.sh 0                    all targets, with their corpora and nothing new
#   ci/fuzz.sh SECONDS TARGET ...   these
#
# New inputs stay under fuzz/target/found, for the next run; ci/corpora.sh adds to the corpora what
# reaches more.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
shift || true

# The stable compiler takes the unstable flags that fuzzing needs where this is set.
export RUSTC_BOOTSTRAP=1
if ! cargo fuzz --version > /dev/null 2>&1; then
    cargo install cargo-fuzz --locked
fi

cargo fuzz build

length=(-max_total_time="$seconds")
[ "$seconds" != 0 ] || length=(-runs=0)

targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
summary=""
failed=0
for target in "${targets[@]}"; do
    found="fuzz/target/found/$target"
    log="$found.log"
    mkdir -p "$found"
    echo "== $target, $seconds s"
    status=0
    cargo fuzz run "$target" "$found" "fuzz/corpus/$target" -- \
        "${length[@]}" -max_len=1024 -timeout=60 -print_final_stats=1 \
        > "$log" 2>&1 || status=$?
    executions="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    coverage="$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1 || true)"
    summary+="$target: ${executions:-no} executions, ${coverage:-no coverage known}"$'\n'
    if [ "$status" -ne 0 ]; then
        failed=1
        summary+="$target: FAILED, see $log"$'\n'
        tail -n 100 "$log"
    fi
done

printf '\n%s' "$summary"
exit "$failed"
