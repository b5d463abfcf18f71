//! Strangers: connections to passive ports from addresses that have no reservation.

use super::client::connect;
use super::server::Server;
use socket2::SockRef;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// So many of them a second, or as many as one thread can make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storm {
    pub(super) per_second: u32,
}

impl Storm {
    /// Connects until it is calm; returns how many connections were made or refused.
    pub(super) fn blow(self, server: &Server, calm: &AtomicBool) -> u64 {
        let start = Instant::now();
        let mut count = 0_u64;
        while !calm.load(Ordering::Relaxed) {
            let due = (start.elapsed().as_secs_f64() * f64::from(self.per_second)) as u64;
            // What could not be made in time is not made up for.
            let Some(behind) = due.checked_sub(count).filter(|behind| *behind > 0) else {
                sleep(Duration::from_micros(200));
                continue;
            };
            for _ in 0..behind.min(64) {
                stranger(server, count);
                count += 1;
            }
        }
        count
    }
}

fn stranger(server: &Server, number: u64) {
    let [high, low] = ((number % 65_000) as u16 + 1).to_be_bytes();
    let ports = server.kind.ports;
    let port = server.address.port() + 1 + (number % u64::from(ports)) as u16;
    let to = SocketAddr::new(server.address.ip(), port);
    // Where nobody listens, it is refused: that is the server's way to deal with strangers.
    if let Ok(stream) = connect(Ipv4Addr::new(127, 200, high, low), to) {
        // Closing then leaves nothing behind on this side.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}
