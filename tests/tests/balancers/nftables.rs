//! nftables alone, with a set per server that remembers its clients.

use mux_tests::Program::Muxftpd;
use mux_tests::machine::minutes;
use mux_tests::needs;

use crate::bed::{Bed, balancer, shipped};
use crate::operation;

#[test]
fn nftables_keeps_sessions_together() {
    needs!(
        Muxftpd,
        minutes(),
        balancer(&[("nft", "nftables"), ("conntrack", "conntrack"), ("python3", "python3")])
    );
    Bed::inside("nftables_keeps_sessions_together", Some("muxftpd.toml"), |bed| {
        bed.start(1);
        bed.start(2);
        bed.spawn("python3", &[shipped("nft-balancer.py").to_str().unwrap()]);
        operation::goes_through_it_all(bed);
    });
}
