//! A balancer for the control port alone, as those of Kubernetes and clouds are: each server names
//! its own address, and data connections go there directly.

use std::fs;

use mux_tests::Program::Muxftpd;
use mux_tests::machine::minutes;
use mux_tests::{Launch, crowd, guard, needs};
use nix::sys::signal::Signal::SIGTERM;

use crate::bed::{Bed, IPV4, SERVERS, balancer, shipped};
use crate::crowd::Crowd;
use crate::operation::{ENOUGH, all_serve, downloads_from};
use crate::session::Manner;

/// With PASV: EPSV names no address, so the client would go to the balancer's.
const MANNERS: [Manner; 2] = [Manner::ALL[0], Manner::ALL[3]];

/// What the manifest sets, on the node with this address.
fn environment(manifest: &str, node: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = manifest.lines().map(str::trim).collect();
    let variables = lines.iter().enumerate().filter_map(|(at, line)| {
        let name = line.strip_prefix("- name: ")?.strip_prefix("MUXFTPD_")?;
        let value = match lines[at + 1].strip_prefix("value: ") {
            Some(value) => value.trim_matches('"'),
            None => {
                assert_eq!(lines[at + 3], "fieldPath: status.hostIP");
                node
            }
        };
        Some((format!("MUXFTPD_{name}"), value.to_owned()))
    });
    variables.collect()
}

/// Spreads control connections over the servers that are ready, each by chance alone.
fn balance(bed: &Bed, ready: &[usize]) {
    let chains: String = ready
        .iter()
        .map(|n| format!("chain to_{n} {{ tcp dport 21 dnat to 10.0.0.1{n}:2121; }}\n"))
        .collect();
    let verdicts: Vec<String> =
        ready.iter().enumerate().map(|(at, n)| format!("{at} : jump to_{n}")).collect();
    let rules = format!(
        "table ip balancer\ndelete table ip balancer\ntable ip balancer {{\n{chains}\
         chain prerouting {{ type nat hook prerouting priority dstnat;\n\
         ip daddr 203.0.113.10 tcp dport 21 numgen random mod {} vmap {{ {} }}\n }}\n}}\n",
        ready.len(),
        verdicts.join(", ")
    );
    bed.run("nft", &[&rules]);
}

#[test]
fn with_the_control_port_alone_balanced_servers_name_their_own_addresses() {
    needs!(Muxftpd, minutes(), balancer(&[("nft", "nftables"), ("curl", "curl")]));
    let name = "with_the_control_port_alone_balanced_servers_name_their_own_addresses";
    Bed::inside(name, None, |bed| {
        let manifest = fs::read_to_string(shipped("kubernetes.yaml")).expect("a manifest");
        for n in SERVERS {
            bed.start_with(n, |launch: Launch| {
                let environment = environment(&manifest, &format!("10.0.0.1{n}"));
                assert!(environment.len() >= 5, "{environment:?}");
                let launch = launch.configured_elsewhere();
                environment.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
            });
        }
        balance(bed, &SERVERS);
        bed.until_reached(IPV4);
        let crowd = Crowd::start(bed, crowd(200), &MANNERS);
        all_serve(bed, &crowd, &SERVERS);

        // What the readiness probe finds takes the server out.
        let downloads = downloads_from(&crowd, 1, 4, &MANNERS[..1]);
        bed.server(1).signal(SIGTERM);
        guard::eventually("it is not ready", || bed.get(1, "/readyz").contains(" 503 "));
        balance(bed, &[2, 3]);
        crowd.excuse(&[1]);
        all_serve(bed, &crowd, &[2, 3]);
        for download in downloads {
            download.finish();
        }
        bed.has_stopped(1);
        all_serve(bed, &crowd, &[2, 3]);

        let outcome = crowd.stop();
        assert!(outcome.served.iter().all(|&sessions| sessions > ENOUGH), "{outcome:?}");
        assert_eq!(outcome.lost[2..], [0, 0, 0], "only server 1 has gone: {outcome:?}");
    });
}
