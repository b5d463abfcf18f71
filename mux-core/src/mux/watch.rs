//! Watching the steered listeners: one task for each.
//!
//! The kernel delivers to the holder of a lent listener, past the mux. What is left to see is that
//! something arrived: then the holder will soon have closed its descriptor, which ends the lease;
//! or nobody holds the listener, and the connection is dealt with as on the own one.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::accept::deliver;
use super::core::Core;
use super::groups::{GroupIndex, Groups};
use crate::steer::{Arrival, Ended, LeaseId, MemberId, Watch};
use crate::table::ReservationId;
use crate::{Client, ClientKey};

/// How soon to look after an arrival, and again while it is held: soon, then ever less often. To
/// look at once would be in vain, since the holder has yet to be woken.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(64);

/// Starts to watch a new member of a group, which serves `client` alone.
pub(super) fn spawn(core: &Arc<Core>, group: GroupIndex, client: Client, watch: Watch) {
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
    let watched = Arc::clone(core);
    core.spawn_until(&core.closed, async move {
        let Some(groups) = &watched.groups else { return };
        while let Ok(mut ready) = socket.readable().await {
            // Cleared first: what arrives from here on wakes us again.
            ready.clear_ready();
            let mut pause = FIRST_PAUSE;
            loop {
                sleep(pause).await;
                match on_readable(&watched, groups, group, client, member) {
                    Some(Arrival::Held) => pause = (pause * 2).min(MAX_PAUSE),
                    Some(Arrival::Gone) | None => return,
                    Some(Arrival::Idle { .. } | Arrival::Finished { .. }) => break,
                }
            }
        }
    });
}

/// How a lent listener came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// Its holder had closed it, as one does after accepting.
    Used,
    /// It was revoked.
    Revoked,
}

/// Ends the lending for a reservation. `None` if nothing was lent for it, or it has come back
/// already.
pub(super) fn revoke(
    core: &Arc<Core>,
    group: GroupIndex,
    client: Client,
    id: ReservationId,
) -> Option<Returned> {
    let groups = core.groups.as_ref()?;
    let ended = groups.lock(group).as_mut()?.revoke(LeaseId::from(id))?;
    Some(match ended {
        Ended::ByHolder { reset } => {
            core.reservations.strangers(group.port, reset as u64);
            Returned::Used
        }
        Ended::Revoked { watch } => {
            if let Some(watch) = watch {
                spawn(core, group, client, watch);
            }
            Returned::Revoked
        }
        Ended::Deferred => Returned::Revoked,
    })
}

/// As [`revoke`], for a reservation that has ended, on the address of that index.
pub(super) fn revoke_on(
    core: &Arc<Core>,
    address: u16,
    port: u16,
    client: Client,
    id: ReservationId,
) {
    if let Some(groups) = &core.groups {
        revoke(core, groups.index(address, port), client, id);
    }
}

/// Looks at once for what the watchers of these listeners would see soon: whether a holder has
/// closed a listener that takes a port of the client's key. Whether one has.
pub(super) fn find_closed(core: &Core, groups: &Groups, client: Client) -> bool {
    let key = |client| -> ClientKey { core.reservations.key(client) };
    let wanted = key(client);
    let mut any = false;
    // A key may stand for many clients, and each has a listener of its own.
    for (group, member, client) in groups.members_of(|client| key(client) == wanted) {
        let arrival = on_readable(core, groups, group, client, member);
        any |= matches!(arrival, Some(Arrival::Finished { .. }));
    }
    any
}

/// Deals with a readable member; `None` if its group is closed.
fn on_readable(
    core: &Core,
    groups: &Groups,
    group: GroupIndex,
    client: Client,
    member: MemberId,
) -> Option<Arrival> {
    let port = group.port;
    let stranger = |stream| match TcpStream::from_std(stream) {
        // The client may have a reservation for stream delivery on this port.
        Ok(stream) => {
            deliver(core, port, stream, client);
        }
        Err(error) => debug!(%client, port, %error, "closed a connection"),
    };
    let arrival = groups.lock(group).as_mut()?.on_readable(member, stranger);
    if let Arrival::Finished { lease, .. } = arrival {
        core.reservations.claim_by_id(lease.into(), port, client);
    }
    Some(arrival)
}
