//! A router that spreads clients over the servers, with a memory.

use std::process::Command;

use mux_tests::Program::Muxftpd;
use mux_tests::machine::{self, Has, Lacking, minutes};
use mux_tests::{crowd, needs};

use crate::bed::{Bed, IPV4, IPV6, SERVERS, balancer, shipped};
use crate::crowd::{Crowd, NEWCOMER, REGULAR};
use crate::operation::all_serve;
use crate::session::Manner;

/// The balancer becomes a router: the address that clients connect to is the servers' own.
const OF_THE_ROUTER: &str = "
ip addr del 203.0.113.10/24 dev outside
ip addr add 203.0.113.2/24 dev outside
ip route replace 198.18.0.0/16 via 203.0.113.1
ip addr add 2001:db8::2/64 dev outside nodad
ip addr del 2001:db8::10/64 dev outside
ip -6 route replace 2001:db8:c::/64 via 2001:db8::1
";
const OF_CLIENTS: &str = "
ip route replace default via 203.0.113.2
ip route add 203.0.113.10/32 via 203.0.113.2
ip -6 route replace default via 2001:db8::2
ip -6 route add 2001:db8::10/128 via 2001:db8::2
";
const OF_A_SERVER: &str = "
ip addr add 203.0.113.10/32 dev lo
ip addr add 2001:db8::10/128 dev lo nodad
";

fn resilient_groups() -> Has {
    let set_up = "ip link set lo up; ip link add left type veth peer name right; ip link set left up; \
        ip link set right up; ip addr add 10.9.0.1/24 dev left; ip nexthop add id 1 via 10.9.0.2 dev left; \
        ip nexthop add id 2 group 1 type resilient buckets 8";
    machine::program("unshare", "util-linux")?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "sh", "-ec", set_up]);
    if unshare.output().expect("unshare runs").status.success() {
        return Ok(());
    }
    Err(Lacking {
        what: "a kernel with resilient nexthop groups".to_owned(),
        remedy: "Linux has them from version 5.13 on; Debian's kernels do.".to_owned(),
    })
}

#[test]
fn a_resilient_group_keeps_sessions_together() {
    needs!(Muxftpd, minutes(), balancer(&[]), resilient_groups());
    let name = "a_resilient_group_keeps_sessions_together";
    Bed::inside(name, Some("muxftpd.toml"), |bed| {
        bed.run_in("lb", OF_THE_ROUTER);
        let clients = Command::new("sh").args(["-ec", OF_CLIENTS]).status().unwrap();
        assert!(clients.success());
        for n in SERVERS {
            bed.run_in(&format!("b{n}"), OF_A_SERVER);
        }
        bed.start(1);
        bed.start(2);
        route(bed, "1 2");
        bed.until_reached(IPV4);
        bed.until_reached(IPV6);
        let crowd = Crowd::start(bed, crowd(200), &Manner::ALL);
        all_serve(bed, &crowd, &[1, 2]);

        // It joins: clients whose buckets were idle come to it, and no session moves.
        bed.start(3);
        route(bed, "1 2 3");
        all_serve(bed, &crowd, &SERVERS);
        for n in SERVERS {
            assert_eq!(bed.strangers(n), 0, "server {n} got another's data connection");
        }

        // It dies: its own sessions are lost, and no others.
        crowd.excuse(&[NEWCOMER, REGULAR, 2]);
        bed.kill(2);
        route(bed, "1 3");
        crowd.excuse(&[]);
        all_serve(bed, &crowd, &[1, 3]);
        let outcome = crowd.stop();
        assert_eq!((outcome.lost[1], outcome.lost[3]), (0, 0), "{outcome:?}");
    });
}

/// Spreads clients over these servers. Buckets that were idle for five seconds may move; the
/// clients here pause for half a second.
fn route(bed: &Bed, servers: &str) {
    let script = shipped("ecmp.sh");
    bed.run_in("lb", &format!("IDLE_SECONDS=5 sh {} {servers}", script.display()));
}
