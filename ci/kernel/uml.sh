#!/usr/bin/env bash
# Runs a command in User-Mode Linux: a kernel of its own, on this machine's files and as this user.
#
#   ci/kernel/uml.sh COMMAND [ARGUMENT ...]
#
# For tests that steer, on machines whose kernel cannot (see steers.py). It serves as a runner for
# cargo: CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER. Needs Debian's package user-mode-linux.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernel=$(command -v linux.uml) || { echo "uml.sh: install the package user-mode-linux" >&2; exit 125; }

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
pwd > "$state/directory"
export -p > "$state/environment"
printf '%q ' "$@" > "$state/command"

# Seconds; only what hangs takes as long.
timeout "${UML_TIMEOUT:-900}" "$kernel" mem="${UML_MEMORY:-2G}" quiet con=null \
    rootfstype=hostfs rootflags=/ rw init="$here/uml-init.sh" \
    STATE="$state" MODULES="/usr/lib/uml/modules/$("$kernel" --version)/kernel" \
    < /dev/null > "$state/console" 2>&1 || true

cat "$state/output" 2> /dev/null || true
if [ ! -s "$state/status" ]; then
    echo "uml.sh: the command did not come back; the kernel's last words:" >&2
    tail -n 5 "$state/console" >&2
    exit 125
fi
exit "$(cat "$state/status")"
