#!/bin/sh
# Beside haproxy-transparent.cfg, on the balancer, once after each start of the machine. What the
# servers answer is addressed to the clients; this gives it to HAProxy's sockets instead of
# forwarding it. The servers are reached through the interface that is named, br0 unless told.
set -e
nft -f - <<END
table inet transparent_return
delete table inet transparent_return
table inet transparent_return {
    chain prerouting {
        type filter hook prerouting priority mangle;
        iifname "${1:-br0}" meta l4proto tcp socket transparent 1 meta mark set 1 accept
    }
}
END
ip rule add fwmark 1 lookup 100
ip route add local 0.0.0.0/0 dev lo table 100
ip -6 rule add fwmark 1 lookup 100
ip -6 route add local ::/0 dev lo table 100
