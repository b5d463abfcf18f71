#!/usr/bin/env bash
# Builds the Debian package of muxftpd, unpacks it, and starts the program from it.
#   ci/deb.sh [PROFILE]     `dev` is for a check; without it, `release` is for use
# The package ends up in target/debian.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-release}
target=${CARGO_TARGET_DIR:-target}
directory=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")

cargo deb --version > /dev/null 2>&1 || cargo install cargo-deb --locked

# What is made from the options, by the program itself.
cargo build --quiet -p muxftpd --profile "$profile"
generated=$directory/generated
mkdir -p "$generated"
"$directory/muxftpd" --generate man | gzip -9n > "$generated/muxftpd.8.gz"
"$directory/muxftpd" --generate bash > "$generated/muxftpd.bash"
"$directory/muxftpd" --generate zsh > "$generated/_muxftpd"
"$directory/muxftpd" --generate fish > "$generated/muxftpd.fish"

strip=()
[ "$profile" = release ] || strip=(--no-strip)
package=$(cargo deb -p muxftpd --profile "$profile" --no-build "${strip[@]}" | tail -n 1)
echo "$package"

# shellcheck source=ci/server.sh
. ci/server.sh
dpkg-deb --raw-extract "$package" "$work/package"
inside() { [ -e "$work/package/$1" ] || { echo "$1 is not in $package" >&2; exit 1; }; }
for file in usr/bin/muxftpd etc/muxftpd/muxftpd.toml usr/lib/systemd/system/muxftpd.service \
    usr/share/man/man8/muxftpd.8.gz usr/share/bash-completion/completions/muxftpd \
    usr/share/zsh/vendor-completions/_muxftpd usr/share/fish/vendor_completions.d/muxftpd.fish \
    usr/share/doc/muxftpd/copyright usr/share/doc/muxftpd/examples/muxftpd.toml; do
    inside "$file"
done
grep -qx /etc/muxftpd/muxftpd.toml "$work/package/DEBIAN/conffiles"
grep -q 'adduser .*--system' "$work/package/DEBIAN/postinst"
sh -n "$work/package/DEBIAN/postinst"
bash -n "$work/package/usr/share/bash-completion/completions/muxftpd"
zcat "$work/package/usr/share/man/man8/muxftpd.8.gz" | grep -q -- 'passive\\-ports'
# The unit starts what the package has.
grep -q '^ExecStart=muxftpd --config /etc/muxftpd/muxftpd.toml$' \
    "$work/package/usr/lib/systemd/system/muxftpd.service"

serve "$work/package/usr/bin/muxftpd" --config "$work/package/etc/muxftpd/muxftpd.toml"
fetch "ftp://$(on_screen control)/file" | grep -qx content
echo "the package is whole, and its program serves"
