//! One hash of the client, from which the places of all that belongs to it follow.
//!
//! The hash is keyed, so that nobody can choose addresses that crowd into one place. Three things
//! are found by it, each by bits of its own: the shard, the client in the shard's map, and (mixed
//! with the port once more) the group of the index.

use std::hash::BuildHasher;

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use crate::ClientKey;

/// Where the bits of the shard begin. The map of a shard makes use of the lowest ones and of the
/// highest seven: bits that are the same for all of a shard would crowd its clients together.
const SHARD_SHIFT: u32 = 40;

#[derive(Clone, Debug)]
pub(super) struct Hasher(SeedableRandomState);

impl Hasher {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()))
    }

    pub(super) fn client(&self, client: ClientKey) -> ClientHash {
        ClientHash(self.0.hash_one(client))
    }
}

/// The hash of a client, in a table's own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientHash(u64);

impl ClientHash {
    /// Which of so many shards the client belongs to.
    pub(super) fn shard(self, shards: usize) -> usize {
        (self.0 >> SHARD_SHIFT) as usize % shards
    }

    /// Where the client stands in the map of its shard.
    pub(super) fn in_shard(self) -> u64 {
        self.0
    }

    /// Where the client's reservation of the port stands in the table's index.
    pub(super) fn with_port(self, port: u16) -> u64 {
        // A multiplication whose two halves are folded spreads every bit of both over the result.
        // The constants are odd and have no pattern; the secret is in the client's hash.
        let step = u64::from(port).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let product = u128::from(self.0 ^ step) * u128::from(0xd6e8_feb8_6659_fd93_u64);
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::{IpAddr, Ipv4Addr};

    use crate::ClientPrefix;

    fn key(ip: u32) -> ClientKey {
        ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::from_bits(ip)))
    }

    fn hashes() -> impl Iterator<Item = ClientHash> {
        let hasher = Hasher::new(1);
        // ClientPrefix, as in one network.
        (0..64 * 1024_u32).map(move |n| hasher.client(key(0x0a00_0000 + n)))
    }

    /// That no two share all of the bits that a map of this many would look at is how badly it
    /// went once: within a shard, all had the same lowest bits.
    #[test]
    fn the_clients_of_a_shard_spread_over_its_map() {
        let own: Vec<u64> =
            hashes().filter(|hash| hash.shard(64) == 5).map(ClientHash::in_shard).collect();
        assert!((800..1250).contains(&own.len()), "{} of 1024 expected", own.len());
        let places: HashSet<u64> = own.iter().map(|hash| hash % 1024).collect();
        // With balls thrown at random, 1 - 1/e of the places are hit.
        assert!(places.len() > own.len() / 2, "{} clients in {} places", own.len(), places.len());
        let tags: HashSet<u64> = own.iter().map(|hash| hash >> 57).collect();
        assert_eq!(tags.len(), 128);
    }

    #[test]
    fn the_ports_of_a_client_spread_over_the_index() {
        for hash in hashes().take(100) {
            // The index goes by the upper half, and tells entries apart by the lowest seven bits.
            let groups: HashSet<u64> = (0..1024).map(|port| hash.with_port(port) >> 54).collect();
            assert!((580..720).contains(&groups.len()), "{} groups", groups.len());
            let tags: HashSet<u64> = (0..1024).map(|port| hash.with_port(port) & 0x7f).collect();
            assert!(tags.len() > 120, "{} of 128 tags", tags.len());
        }
    }

    /// Each bit of the client's hash tells on the group and on the tag, whatever the port.
    #[test]
    fn every_bit_of_the_client_tells() {
        let all: Vec<ClientHash> = hashes().take(256).collect();
        for bit in 0..64 {
            for port in [1, 8192, 8199, 65_535] {
                let changed = |mask: u64| {
                    let change = |hash: &&ClientHash| {
                        let flipped = ClientHash(hash.0 ^ 1 << bit);
                        (hash.with_port(port) ^ flipped.with_port(port)) & mask != 0
                    };
                    all.iter().filter(change).count()
                };
                assert!(changed(u64::MAX) > 250, "bit {bit}, port {port}");
                assert!(changed(0x7f) > 100, "tag, bit {bit}, port {port}");
                assert!(changed(0xff << 56) > 100, "group, bit {bit}, port {port}");
            }
        }
    }
}
