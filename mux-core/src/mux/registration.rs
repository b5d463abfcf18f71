//! A reservation as its session holds it.

use std::sync::Arc;

use super::accept_queue;
use super::core::Core;
use crate::Client;
use crate::table::ReservationId;

/// Which reservation a session has. Dropping it does nothing: what holds it decides how the
/// reservation ends.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) core: Arc<Core>,
    pub(super) client: Client,
    pub(super) port: u16,
    pub(super) id: ReservationId,
}

impl Registration {
    pub(super) fn is_pending(&self) -> bool {
        self.core.reservations.is_pending(self.id)
    }

    /// Claims it: its connection has come. Whether it was pending.
    pub(super) fn claim(&self) -> bool {
        self.core.reservations.claim_by_id(self.id, self.port, self.client)
    }

    /// Cancels it. Whether it was pending.
    pub(super) fn cancel(&self) -> bool {
        self.core.reservations.cancel(self.id, self.client)
    }

    /// Cancels it after what waits in the accept queue was dealt with: a connection that came for
    /// this reservation must not be delivered to the client's next one. Whether it was pending
    /// still.
    pub(super) fn give_up(&self) -> bool {
        if self.is_pending() {
            accept_queue::drain(&self.core, self.port);
        }
        self.cancel()
    }
}
