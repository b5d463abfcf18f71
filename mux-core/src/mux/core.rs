//! What the mux's tasks and handles share.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::candidates::WaitingOverall;
use super::groups::Groups;
use super::lifecycle::Reservations;
use super::own_listeners::OwnListeners;
use super::preface::Stage;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) reservations: Reservations,
    /// How long a request may wait for a port.
    pub(super) wait: Duration,
    pub(super) own: OwnListeners,
    pub(super) groups: Option<Groups>,
    /// Where connections wait for their preface, if they have to show one.
    pub(super) stage: Option<Stage>,
    pub(super) waiting_candidates: WaitingOverall,
    /// Cancelled when the mux is shut down.
    pub(super) closed: CancellationToken,
    /// Cancelled after that, when every reservation has ended and no lent socket listens any
    /// more: the accept path goes last.
    pub(super) ended: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// The runtime that the mux was built in.
    pub(super) runtime: Handle,
}

impl Core {
    /// Starts a task that ends, wherever it is, when `token` is cancelled.
    pub(super) fn spawn_until(
        &self,
        token: &CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tasks.spawn_on(token.clone().run_until_cancelled_owned(work), &self.runtime);
    }

    /// Closes steered listeners that nobody holds: descriptors have run out.
    pub(super) fn relieve(&self) {
        if let Some(groups) = &self.groups {
            groups.trim();
        }
    }
}
