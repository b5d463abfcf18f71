#!/usr/bin/env bash
# Unpacks vsftpd, ProFTPD, Pure-FTPd and pyftpdlib into a folder, for `compare` to run beside
# muxftpd. Installs nothing: Debian's packages of them cannot be installed side by side.
#
#   benches/peers.sh [FOLDER]     (default target/peers)
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-target/peers}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

# The servers, and the libraries that a plain system lacks.
packages=(vsftpd proftpd-core pure-ftpd pure-ftpd-common libwrap0 libhashkit2 libhiredis0.14
    libmemcached11 libmemcachedutil2 libpcre2-posix3)
cd "$work"
for package in "${packages[@]}"; do
    if apt-get download --quiet "$package" > /dev/null 2>&1; then
        dpkg --extract "$package"_*.deb "$folder"
    else
        echo "peers: there is no package $package here" >&2
    fi
done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --upgrade --target "$folder/python" pyftpdlib
chmod -R a+rX "$folder"
