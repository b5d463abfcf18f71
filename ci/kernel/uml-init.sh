#!/usr/bin/env bash
# The first process inside User-Mode Linux: sets the system up, runs the command, switches off.
# STATE and MODULES come from the kernel's command line. See uml.sh.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devpts devpts /dev/pts 2> /dev/null
# Temporary files in memory: the host's files are slow to reach.
mount -t tmpfs temporary /mnt
for module in lib/crc-ccitt net/ipv6/ipv6; do
    insmod "$MODULES/$module.ko"
done
ip link set lo up

(
    . "$STATE/environment"
    export TMPDIR=/mnt
    ulimit -n 20000
    cd "$(cat "$STATE/directory")" || exit 125
    exec bash "$STATE/command"
) < /dev/null > "$STATE/output" 2>&1
echo $? > "$STATE/status"

sync
echo o > /proc/sysrq-trigger
sleep 10
