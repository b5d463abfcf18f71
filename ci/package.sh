#!/usr/bin/env bash
# Makes the packages that would be published, in the order in which they need each other, and
# builds and tests each from its packaged sources alone.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(mux-core ftp-adapter muxftpd)
target="${CARGO_TARGET_DIR:-$PWD/target}"
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# As in the workspace, so that what is built there need not be built again.
export CARGO_TARGET_DIR="$target" CARGO_PROFILE_DEV_DEBUG=line-tables-only

# Dirty: it also runs before a commit. Verified below, tests included.
selected=()
for package in "${packages[@]}"; do selected+=(--package "$package"); done
cargo package --quiet --allow-dirty --no-verify "${selected[@]}"

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
# What is not on the registry yet comes from the packages made here.
patch=()
for package in "${packages[@]}"; do
    tar --extract --gzip --file "$target/package/$package-$version.crate" --directory "$unpacked"
    echo "== $package: $(find "$unpacked/$package-$version" -type f | wc -l) files"
    manifest="$unpacked/$package-$version/Cargo.toml"
    cargo test --quiet --manifest-path "$manifest" --all-features "${patch[@]}"
    patch+=(--config "patch.crates-io.$package.path='$unpacked/$package-$version'")
done
