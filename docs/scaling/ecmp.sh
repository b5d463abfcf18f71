#!/bin/sh
# A router in front of muxftpd servers, without a balancer: ecmp.sh SERVER...
# Run it again with other numbers when a server joins or has gone.
#
# Every server has 203.0.113.10 and 2001:db8::10 on its loopback interface; 10.0.0.11 to 13 and
# fd00:10::11 to 13 are where the router reaches servers 1 to 3.
set -e

# The clients' address alone chooses the server: for IPv6 it needs fields, since the flow label is
# another for each connection.
sysctl -qw net.ipv4.fib_multipath_hash_policy=0
sysctl -qw net.ipv6.fib_multipath_hash_policy=3 net.ipv6.fib_multipath_hash_fields=0x3

ipv4= ipv6=
for n; do
    ip nexthop replace id "$n" via "10.0.0.1$n" dev br0
    ip nexthop replace id "10$n" via "fd00:10::1$n" dev br0
    ipv4="$ipv4${ipv4:+/}$n" ipv6="$ipv6${ipv6:+/}10$n"
done

# The memory: a bucket keeps its server until it was idle for so many seconds, or the server has
# left the group. Longer than any session is silent; a new server gets clients no sooner.
idle="${IDLE_SECONDS:-3600}"
ip nexthop replace id 10 group "$ipv4" type resilient buckets 1024 idle_timer "$idle"
ip nexthop replace id 20 group "$ipv6" type resilient buckets 1024 idle_timer "$idle"
ip route replace 203.0.113.10/32 nhid 10
ip -6 route replace 2001:db8::10/128 nhid 20
