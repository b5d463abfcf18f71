# A network for a balancer with three servers behind it, and clients before it: run in a network
# and mount namespace of its own, which becomes the clients'.
mount -t tmpfs none /run
mkdir /run/netns /run/haproxy
for namespace in lb b1 b2 b3; do
    ip netns add $namespace
    ip -n $namespace link set lo up
    # Addresses are there at once, without looking for duplicates.
    nsenter --net=/run/netns/$namespace sysctl -qw net.ipv6.conf.default.accept_dad=0
done

# Clients have any address of two networks.
ip link set lo up
ip link add outside type veth peer name outside netns lb
ip addr add 203.0.113.1/24 dev outside
ip addr add 2001:db8::1/64 dev outside nodad
ip link set outside up
ip route add local 198.18.0.0/16 dev lo
ip -6 route add local 2001:db8:c::/64 dev lo
sysctl -qw net.ipv6.ip_nonlocal_bind=1 net.ipv4.ip_local_port_range="10000 65000"
ip route add default via 203.0.113.10
ip -6 route add default via 2001:db8::10

# The balancer.
ip -n lb link set outside up
ip -n lb addr add 203.0.113.10/24 dev outside
ip -n lb addr add 2001:db8::10/64 dev outside nodad
ip -n lb route add 198.18.0.0/16 via 203.0.113.1
ip -n lb -6 route add 2001:db8:c::/64 via 2001:db8::1
ip -n lb link add br0 type bridge mcast_snooping 0
ip -n lb link set br0 up
ip -n lb addr add 10.0.0.1/24 dev br0
ip -n lb addr add fd00:10::1/64 dev br0 nodad
nsenter --net=/run/netns/lb sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

# The servers, whose gateway it is.
for n in 1 2 3; do
    ip -n b$n link add eth0 type veth peer name p$n netns lb
    ip -n lb link set p$n master br0 up
    ip -n b$n addr add 10.0.0.1$n/24 dev eth0
    ip -n b$n addr add fd00:10::1$n/64 dev eth0 nodad
    ip -n b$n link set eth0 up
    ip -n b$n route add default via 10.0.0.1
    ip -n b$n -6 route add default via fd00:10::1
done
