# To be sourced: sees to it that what cargo runs finds a kernel that steers.
#
# On most machines that is the kernel itself, and nothing is done. Where it cannot steer (a
# sandbox without BPF, a kernel whose BPF work queue is stuck), tests run in User-Mode Linux.

choose_kernel() {
    local root=$1
    if python3 "$root/ci/kernel/steers.py"; then
        echo "tests run on this machine's kernel, $(uname -r)"
        return
    fi
    if ! command -v linux.uml > /dev/null; then
        local sudo=""
        [ "$(id -u)" = 0 ] || sudo=sudo
        $sudo apt-get update --quiet > /dev/null
        $sudo apt-get install --yes --no-install-recommends user-mode-linux kmod iproute2 > /dev/null
    fi
    local target
    target=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${target}_RUNNER=$root/ci/kernel/uml.sh"
    # Built here, not in there.
    cargo build --package muxftpd --bin muxftpd
    export MUXFTPD="${CARGO_TARGET_DIR:-$root/target}/debug/muxftpd"
    echo "tests run in User-Mode Linux, $(linux.uml --version)"
}
