#!/usr/bin/env bash
# Checks the dependencies' licences, versions and sources against deny.toml, without the network.
#
# Known vulnerabilities are not looked up here, because that needs a database from the network:
#   cargo deny check advisories
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo deny --version > /dev/null 2>&1; then
    cargo install cargo-deny --locked
fi

check=(check --hide-inclusion-graph licenses bans sources)
cargo deny --offline --config deny.toml --workspace \
    "${check[@]}" --allow license-exception-not-encountered
# The fuzz targets are a workspace of their own. It needs fewer licences and exceptions.
cargo deny --offline --config deny.toml --manifest-path fuzz/Cargo.toml \
    "${check[@]}" --allow license-not-encountered --allow unmatched-skip --allow unnecessary-skip
