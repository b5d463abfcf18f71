//! HAProxy.

use mux_tests::Program::Muxftpd;
use mux_tests::needs;

use crate::bed::{Bed, balancer, shipped};
use crate::operation;

#[test]
fn transparent_haproxy_keeps_sessions_together() {
    needs!(Muxftpd, balancer(&[("haproxy", "haproxy"), ("nft", "nftables")]));
    Bed::inside("transparent_haproxy_keeps_sessions_together", Some("muxftpd.toml"), |bed| {
        bed.run("sh", &[shipped("transparent-return.sh").to_str().unwrap()]);
        bed.start(1);
        bed.start(2);
        let config = shipped("haproxy-transparent.cfg");
        bed.spawn("haproxy", &["-db", "-f", config.to_str().unwrap()]);
        operation::goes_through_it_all(bed);
    });
}
