#!/usr/bin/env bash
# Installs what the gate needs and a bare machine with Rust may lack. Tools that cargo installs are
# installed by the scripts that use them.
set -euo pipefail

# A program, the Debian package that has it, and what it is for. One line for each: add yours.
needs() {
    cat << 'END'
cc              gcc             building
c++             g++             the fuzzer
python3         python3         scripts of the gate, and a client that tests drive
ip              iproute2        tests in network namespaces
unshare         util-linux      tests in network namespaces
prlimit         util-linux      tests that take descriptors away
haproxy         haproxy         balancers that tests put in front
nginx           nginx           balancers that tests put in front
nft             nftables        balancers that tests put in front
conntrack       conntrack       balancers that tests put in front
promtool        prometheus      metrics, alerts and dashboard
dpkg-shlibdeps  dpkg-dev        the Debian package
curl            curl            clients that tests drive
lftp            lftp            clients that tests drive
tnftp           tnftp           clients that tests drive
inetutils-ftp   inetutils-ftp   clients that tests drive
rclone          rclone          clients that tests drive
wget            wget            clients that tests drive
php             php-cli         clients that tests drive
ruby            ruby            clients that tests drive
node            nodejs          clients that tests drive
npm             npm             clients that tests drive
END
}

packages=()
while read -r program package _; do
    command -v "$program" > /dev/null || packages+=("$package")
done < <(needs)
# It is a module, not a program.
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || packages+=(libnginx-mod-stream)
if [ "${#packages[@]}" -gt 0 ]; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update --quiet
    $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${packages[@]}"
fi

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version > /dev/null 2>&1 || rustup component add "$component"
done

# basic-ftp, a client library of Node.js that the tests drive.
clients=target/clients
[ -d "$clients/node_modules/basic-ftp" ] \
    || npm install --silent --no-audit --no-fund --prefix "$clients" basic-ftp@5
