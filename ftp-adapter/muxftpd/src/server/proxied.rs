//! Control connections that a proxy passes on.

use crate::observe::events::SessionRefused;
use ftp_adapter::SessionAddresses;
use mux_core::proxy::{self, Networks, Origin};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tracing::debug;

/// How many control connections may wait for their header. When more come, the oldest gives way.
const MAX_WAITING: usize = 1024;

/// Whose headers are believed, and the connections that wait for theirs.
#[derive(Debug, Clone)]
pub(super) struct Proxies {
    networks: Networks,
    waiting: Arc<Mutex<Waiting>>,
}

/// The connections that came last: one with [`MAX_WAITING`] behind it is ended.
#[derive(Debug, Default)]
struct Waiting {
    last: Vec<AbortHandle>,
    next: usize,
}

/// What a proxy says of a connection.
#[derive(Debug)]
pub(super) enum Passed {
    /// It is a client's.
    On(SessionAddresses),
    /// It is no client's: a health check.
    Nobody,
    /// Nothing that counts.
    Not(SessionRefused),
}

impl Proxies {
    pub(super) fn new(networks: Networks) -> Self {
        Self { networks, waiting: Arc::default() }
    }

    /// Whether connections from there must begin with a header.
    pub(super) fn contain(&self, peer: IpAddr) -> bool {
        self.networks.contains(peer)
    }

    /// Notes that a task waits for a header.
    pub(super) fn waits(&self, task: AbortHandle) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.last.len() < MAX_WAITING {
            return waiting.last.push(task);
        }
        let next = waiting.next;
        let oldest = std::mem::replace(&mut waiting.last[next], task);
        waiting.next = (next + 1) % MAX_WAITING;
        // A connection that has shown its header is not ended.
        oldest.abort();
    }
}

/// Receives the header of a connection from a proxy at `peer`.
pub(super) async fn passed(stream: &TcpStream, peer: SocketAddr) -> Passed {
    let header = match proxy::receive(stream).await {
        Ok(header) => header,
        Err(error) => {
            debug!(proxy = %peer.ip(), "a control connection from a proxy: {error}");
            return Passed::Not(SessionRefused::NoProxyHeader);
        }
    };
    match header.origin {
        Origin::Client { source, destination } => {
            Passed::On(SessionAddresses::new(source, destination))
        }
        Origin::Unknown => stream
            .local_addr()
            .map_or(Passed::Nobody, |local| Passed::On(SessionAddresses::new(peer, local))),
        Origin::Local => Passed::Nobody,
    }
}
