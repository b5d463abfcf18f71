#!/usr/bin/env bash
# Checks the dependencies' licences, versions and sources against deny.toml.
#
# Known vulnerabilities are not looked up here: the database of them is on the network, and what it
# says changes without this repository:
#   cargo deny check advisories
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo deny --version > /dev/null 2>&1; then
    cargo install cargo-deny --locked
fi

# All that the two lock files name: cargo-deny also reads packages that only other systems need,
# and a build here does not fetch those.
for manifest in Cargo.toml fuzz/Cargo.toml; do
    cargo fetch --locked --quiet --manifest-path "$manifest"
done

check=(check --hide-inclusion-graph licenses bans sources)
cargo deny --offline --config deny.toml --workspace \
    "${check[@]}" --allow license-exception-not-encountered
# The fuzz targets are a workspace of their own. It needs fewer licences and exceptions.
cargo deny --offline --config deny.toml --manifest-path fuzz/Cargo.toml \
    "${check[@]}" --allow license-not-encountered --allow unmatched-skip --allow unnecessary-skip
