#!/usr/bin/env python3
"""Balances FTP with nftables: no proxy in the path, and servers see the clients' addresses.

Runs on the servers' gateway, as root or with CAP_NET_ADMIN, until it is stopped; the rules stay. It
needs nft, conntrack, and forwarding (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding).

A client that has been seen within AFFINITY stays with its server, on all ports alike: one set per
server remembers. Newcomers are placed by a hash of their address over SLOTS slots.
"""
import concurrent.futures
import hashlib
import http.client
import signal
import socket
import subprocess
import time

# What clients connect to, and the servers. Change these.
ADDRESSES = ("203.0.113.10", "2001:db8::10")
PORTS = "{ 21, 8192-8200 }"
SERVERS = {
    "b1": ("10.0.0.11", "fd00:10::11"),
    "b2": ("10.0.0.12", "fd00:10::12"),
    "b3": ("10.0.0.13", "fd00:10::13"),
}
METRICS_PORT = 9100
AFFINITY = "1h"
SLOTS = 64
# A probe each second: so many failures take a server out, so many successes bring it back.
FALL, RISE = 3, 2
# A busy server may take its time to answer, in seconds.
PATIENCE = 3

# Newcomers and its own clients; its own clients alone; no new connection; not there.
UP, DRAINING, FINISHING, DOWN = "up", "draining", "finishing", "down"


def probe(server):
    """What a server says beside its FTP ports, and whether it greets."""
    address = SERVERS[server][0]
    try:
        connection = http.client.HTTPConnection(address, METRICS_PORT, timeout=PATIENCE)
        connection.request("GET", "/readyz")
        is_ready = connection.getresponse().status != 503
    except (OSError, http.client.HTTPException):
        return DOWN
    try:
        with socket.create_connection((address, 21), PATIENCE) as control:
            greets = control.recv(3) == b"220"
    except OSError:
        greets = False
    if not greets:
        return FINISHING
    return UP if is_ready else DRAINING


def rules(states):
    """All rules. The sets of servers that still take connections are kept as they are."""
    up = [server for server, state in states.items() if state == UP]
    sets, chains, kept, refresh = [], [], [], []
    for server, (ipv4, ipv6) in SERVERS.items():
        for family, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
            sets.append(f"set {server}_{family} {{ type {kind}; flags dynamic,timeout; timeout {AFFINITY}; size 65536; }}")
        chains.append(f"""chain to_{server} {{
            update @{server}_4 {{ ip saddr }} dnat ip to {ipv4}
            update @{server}_6 {{ ip6 saddr }} dnat ip6 to {ipv6}
        }}""")
        if states[server] in (UP, DRAINING):
            kept.append(f"ip saddr @{server}_4 goto to_{server}")
            kept.append(f"ip6 saddr @{server}_6 goto to_{server}")
            # A session that goes on keeps its client's place.
            refresh.append(f"ip daddr {ipv4} tcp dport {PORTS} update @{server}_4 {{ ip saddr }}")
            refresh.append(f"ip6 daddr {ipv6} tcp dport {PORTS} update @{server}_6 {{ ip6 saddr }}")
    placed = ["reject with tcp reset"]
    if up:
        # Rendezvous hashing: a slot moves only when its own server goes, or a better one comes.
        best = [max(up, key=lambda s: hashlib.sha256(f"{slot} {s}".encode()).digest()) for slot in range(SLOTS)]
        slots = ", ".join(f"{slot} : goto to_{server}" for slot, server in enumerate(best))
        # The slot's number goes through the connection's mark: the packet's may route.
        placed = [
            f"meta nfproto ipv4 ct mark set jhash ip saddr mod {SLOTS} seed 0x5eed",
            f"meta nfproto ipv6 ct mark set jhash ip6 saddr mod {SLOTS} seed 0x5eed",
            f"ct mark vmap {{ {slots} }}",
        ]
    names = ["service", "prerouting", "refresh"] + [f"to_{server}" for server in SERVERS]
    flushed = [f"flush chain inet ftp {name}" for name in names]
    flushed += [f"flush set inet ftp {server}_{family}" for server, state in states.items() if state in (FINISHING, DOWN) for family in (4, 6)]
    empty = "\n".join(f"chain {name} {{ }}" for name in names if name not in ("prerouting", "refresh"))
    lines = "\n        ".join
    table = f"""table inet ftp {{
    {lines(sets)}
    {empty}
    chain prerouting {{ type nat hook prerouting priority dstnat; }}
    chain refresh {{ type filter hook forward priority filter; }}
}}
{chr(10).join(flushed)}
table inet ftp {{
    {lines(chains)}
    chain service {{
        {lines(kept + placed)}
    }}
    chain prerouting {{
        ip daddr {ADDRESSES[0]} tcp dport {PORTS} goto service
        ip6 daddr {ADDRESSES[1]} tcp dport {PORTS} goto service
    }}
    chain refresh {{
        {lines(refresh)}
    }}
}}
"""
    return table


def apply(states):
    subprocess.run(["nft", "-f", "-"], input=rules(states), text=True, check=True)
    for server, state in states.items():
        if state == DOWN:
            # Its connections must not keep others waiting for an answer. None at all is an error.
            for family, address in zip(("ipv4", "ipv6"), SERVERS[server]):
                subprocess.run(["conntrack", "-D", "-f", family, "-r", address], capture_output=True)
    print(time.strftime("%T"), " ".join(f"{server}={state}" for server, state in states.items()), flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: exit(0))
    with concurrent.futures.ThreadPoolExecutor() as threads:
        states = dict(zip(SERVERS, threads.map(probe, SERVERS)))
        apply(states)
        seen = dict.fromkeys(SERVERS, 0)
        while True:
            time.sleep(1)
            before = dict(states)
            for server, state in zip(SERVERS, threads.map(probe, SERVERS)):
                seen[server] = seen[server] + 1 if state != states[server] else 0
                if seen[server] >= (RISE if state == UP else FALL):
                    states[server], seen[server] = state, 0
            if states != before:
                apply(states)


if __name__ == "__main__":
    main()
