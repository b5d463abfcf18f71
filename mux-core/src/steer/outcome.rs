//! What a group gives and tells.

use std::net::TcpListener;
use std::sync::Arc;

use socket2::Socket;

use super::member::{LeaseId, MemberId};

/// What [`Group::lend`](super::Group::lend) gives.
#[derive(Debug)]
pub struct Lent {
    /// The holder's duplicate: non-blocking, closed on exec. Only the client reaches it.
    pub listener: TcpListener,
    /// The member it is a duplicate of.
    pub member: MemberId,
    /// What to watch from now on; `None` if it is being watched already.
    pub watch: Option<Watch>,
    /// How many connections had been waiting from before and were reset.
    pub reset: usize,
}

/// A steered listener that nobody watches yet.
///
/// Whenever `socket` is readable or hung up, [`Group::on_readable`](super::Group::on_readable) is to be called. It is only to
/// be polled: accepting from it would take connections from its holder.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The member to report.
    pub member: MemberId,
    /// The socket to poll; to be dropped on [`Arrival::Gone`].
    pub socket: Arc<Socket>,
}

/// What a readable member means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nobody holds the member; what was queued has been taken.
    Idle {
        /// How many connections were taken.
        strangers: usize,
    },
    /// There may be something that cannot be dealt with yet: the holder has still to accept and to
    /// close, or the system is out of descriptors. Ask again a little later.
    Held,
    /// The holder has closed its descriptor and so ended the lease. What was queued has been taken.
    Finished {
        /// The lease that is over.
        lease: LeaseId,
        /// How many connections were taken.
        strangers: usize,
    },
    /// The member is no longer in the group: stop watching and drop the socket.
    Gone,
}

/// How a lease ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// The holder had closed its descriptor.
    ByHolder {
        /// How many connections had been waiting and were reset.
        reset: usize,
    },
    /// The holder's descriptor no longer listens, and connections that waited there were reset.
    Revoked {
        /// The listener that took its place for the same client and is idle; `None` if there was no
        /// descriptor for one.
        watch: Option<Watch>,
    },
    /// The system has neither a descriptor nor memory to end it now. Every later call on the group
    /// tries again; until one succeeds the holder can still accept connections of its client.
    Deferred,
}

/// Whom the listener that takes another's place is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The client that is steered to this index now.
    SameClient,
    /// The next client that needs one; nobody is steered there yet.
    AnyClient,
}
