//! Watching the steered listeners: one task for each.
//!
//! The kernel delivers to whoever a listener is lent to, past the mux. What is left to see is
//! that something arrived: then the holder will soon have closed its descriptor, which ends the
//! lease; or nobody holds the listener, and the connection is dealt with as on the own one.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::accept::deliver;
use super::core::Core;
use super::groups::Place;
use crate::steer::{Arrival, MemberId, Watch};
use crate::{Client, ClientKey};

/// How soon to look after an arrival, and again while it is held: soon, then ever less often. To
/// look at once would be in vain, since the holder has yet to be woken.
const SOONEST: Duration = Duration::from_millis(1);
const LATEST: Duration = Duration::from_millis(64);

/// Starts to watch a new member of a group, which serves `client` alone.
pub(super) fn spawn(core: &Arc<Core>, place: Place, client: Client, watch: Watch) {
    let member = watch.member;
    // A lease may be dropped on any thread, and bring a new member with it.
    let _runtime = core.runtime.enter();
    // SAFETY: the descriptor is that of a socket which the `AsyncFd` owns a reference to: it
    // stays open, and the same, until the `AsyncFd` has gone.
    let socket = unsafe { AsyncFd::register_with_interest(watch.socket, Interest::READABLE) };
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => {
            warn!(%client, %error, "a steered listener is not watched: its port may be freed late");
            return;
        }
    };
    let watched = core.clone();
    core.spawn_until(&core.closed, async move {
        while let Ok(mut ready) = socket.readable().await {
            // Cleared first: what arrives from here on wakes us again.
            ready.clear_ready();
            let mut pause = SOONEST;
            loop {
                sleep(pause).await;
                match watched.arrived(place, client, member) {
                    Some(Arrival::Held) => pause = (pause * 2).min(LATEST),
                    Some(Arrival::Gone) | None => return,
                    Some(_) => break,
                }
            }
        }
    });
}

impl Core {
    /// Looks at once for what the watchers of these listeners would see soon: whether a holder has
    /// closed a listener that takes a port of `key`. Whether one has.
    pub(super) fn look(&self, key: ClientKey) -> bool {
        let Some(groups) = &self.groups else { return false };
        let mut any = false;
        for place in groups.places() {
            // A key may stand for many clients, and each has a listener of its own.
            let members = groups
                .lock(place)
                .as_ref()
                .map(|group| group.members_of(|client| self.key(client) == key))
                .unwrap_or_default();
            for (member, client) in members {
                let arrival = self.arrived(place, client, member);
                any |= matches!(arrival, Some(Arrival::Finished { .. }));
            }
        }
        any
    }

    /// Deals with a readable member; `None` if its group is closed.
    fn arrived(&self, place: Place, client: Client, member: MemberId) -> Option<Arrival> {
        let groups = self.groups.as_ref()?;
        let port = self.table.ports().port_at(place.port)?;
        let stranger = |stream: TcpStream| match tokio_stream(stream) {
            // The client may have a reservation for stream delivery on this port.
            Ok(stream) => deliver(self, port, stream, client),
            Err(error) => debug!(%client, port, %error, "closed a connection"),
        };
        let arrival = groups.lock(place).as_mut()?.on_readable(member, stranger);
        if let Arrival::Finished { lease, .. } = arrival
            && self.table.claim_by_id(lease.into()).is_ok()
        {
            self.counters.claimed(place.port);
            self.wait_queue.port_freed(self.key(client));
        }
        Some(arrival)
    }
}

fn tokio_stream(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    tokio::net::TcpStream::from_std(stream)
}
