# shellcheck shell=bash
# For scripts that try out a server: they source it. It makes a directory $work, and removes it at
# the end, when it also stops the server.

work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT

# serve PROGRAM OPTION ...: starts muxftpd on a directory that has the file `file` with the line
# `content`, and waits until it is ready.
serve() {
    local program=$1 port
    shift
    mkdir "$work/root"
    echo content > "$work/root/file"
    port=$(python3 -c '
import socket
with socket.socket() as it:
    it.bind(("127.0.0.1", 0))
    print(it.getsockname()[1])')
    "$program" "$@" --root "$work/root" --listen 127.0.0.1:0 --passive-ports "$port" \
        > "$work/screen" 2> "$work/log" &
    server=$!
    for _ in $(seq 600); do
        ! grep -qx ready "$work/screen" || return 0
        kill -0 "$server" 2> /dev/null || break
        sleep 0.1
    done
    echo "the server does not start:" >&2
    cat "$work/log" >&2
    return 1
}

# on_screen WORD: what the start screen says of it, such as the address of `control`.
on_screen() { sed -n "s/^  $1 *//p" "$work/screen"; }

fetch() { curl --silent --show-error --max-time 60 "$@"; }
