//! HAProxy.

use std::fs;

use mux_tests::Program::Muxftpd;
use mux_tests::machine::minutes;
use mux_tests::{crowd, guard, needs};

use crate::bed::{Bed, IPV4, IPV6, balancer, shipped};
use crate::crowd::{Crowd, NEWCOMER, REGULAR};
use crate::operation::{self, ENOUGH};
use crate::session::Manner;

#[test]
fn transparent_haproxy_keeps_sessions_together() {
    needs!(Muxftpd, minutes(), balancer(&[("haproxy", "haproxy"), ("nft", "nftables")]));
    Bed::inside("transparent_haproxy_keeps_sessions_together", Some("muxftpd.toml"), |bed| {
        bed.run("sh", &[shipped("transparent-return.sh").to_str().unwrap()]);
        bed.start(1);
        bed.start(2);
        let config = shipped("haproxy-transparent.cfg");
        bed.spawn("haproxy", &["-db", "-f", config.to_str().unwrap()]);
        operation::goes_through_it_all(bed);
    });
}

#[test]
fn haproxy_with_proxy_headers_keeps_sessions_together() {
    needs!(Muxftpd, balancer(&[("haproxy", "haproxy")]));
    let config = Some("muxftpd-proxy.toml");
    Bed::inside("haproxy_with_proxy_headers_keeps_sessions_together", config, |bed| {
        bed.start(1);
        bed.start(2);
        let config = shipped("haproxy-proxy.cfg");
        bed.spawn("haproxy", &["-db", "-f", config.to_str().unwrap()]);
        operation::goes_through_it_all(bed);
    });
}

/// The same without its memory: when a server joins, others' data connections reach it.
#[test]
fn a_hash_without_memory_splits_sessions() {
    needs!(Muxftpd, minutes(), balancer(&[("haproxy", "haproxy"), ("nft", "nftables")]));
    Bed::inside("a_hash_without_memory_splits_sessions", Some("muxftpd.toml"), |bed| {
        bed.run("sh", &[shipped("transparent-return.sh").to_str().unwrap()]);
        let with = fs::read_to_string(shipped("haproxy-transparent.cfg")).unwrap();
        let without = with.lines().filter(|line| !line.trim_start().starts_with("stick"));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, without.collect::<Vec<_>>().join("\n") + "\n").unwrap();
        bed.start(1);
        bed.start(2);
        bed.spawn("haproxy", &["-db", "-f", file.path().to_str().unwrap()]);
        bed.until_reached(IPV4);
        bed.until_reached(IPV6);
        let crowd = Crowd::start(bed, crowd(200), &Manner::ALL);
        crowd.excuse(&[NEWCOMER, 1, 2, 3, REGULAR]);
        crowd.until_served(&[1, 2], ENOUGH);
        bed.start(3);
        guard::eventually("a data connection reaches another server", || bed.strangers(3) > 0);
        let outcome = crowd.stop();
        assert!(outcome.lost.iter().sum::<u64>() > 0, "sessions were lost: {outcome:?}");
    });
}
