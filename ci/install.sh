#!/usr/bin/env bash
# Installs what the gate needs and a bare machine with Rust may lack.
set -euo pipefail

packages=()
need() { command -v "$1" > /dev/null || packages+=("$2"); }
need cc gcc
need python3 python3
need ip iproute2
need unshare util-linux
# The balancers that the tests put in front.
need haproxy haproxy
need nginx nginx
need nft nftables
need conntrack conntrack
# The clients that the tests drive.
need curl curl
need lftp lftp
need tnftp tnftp
need inetutils-ftp inetutils-ftp
if [ "${#packages[@]}" -gt 0 ]; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update --quiet
    $sudo apt-get install --yes --no-install-recommends "${packages[@]}"
fi

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version > /dev/null 2>&1 || rustup component add "$component"
done
