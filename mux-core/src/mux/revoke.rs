//! Taking lent listeners back: at the deadline, with the lease, at the end of everything.

use std::sync::Arc;

use tracing::debug;

use super::core::Core;
use super::groups::Place;
use super::watch;
use crate::Client;
use crate::steer::{Ended, LeaseId};
use crate::table::ReservationId;

impl Core {
    /// Takes a listener back from whoever it was lent to for this reservation. `None` if it was
    /// not lent, or has come back already.
    pub(super) fn take_back(
        self: &Arc<Self>,
        place: Place,
        client: Client,
        id: ReservationId,
    ) -> Option<Returned> {
        let groups = self.groups.as_ref()?;
        let ended = groups.lock(place).as_mut()?.revoke(LeaseId::from(id))?;
        match ended {
            Ended::ByHolder { reset } => {
                self.counters.strangers(place.port, reset as u64);
                Some(Returned::Used)
            }
            Ended::Revoked { watch } => {
                if let Some(watch) = watch {
                    watch::spawn(self, place, client, watch);
                }
                Some(Returned::Revoked)
            }
            Ended::Deferred => Some(Returned::Revoked),
        }
    }

    /// Takes an expired reservation's listener back.
    pub(super) fn revoke(
        self: &Arc<Self>,
        address: u16,
        port: u16,
        client: Client,
        id: ReservationId,
    ) {
        if let Some(port) = self.table.ports().index_of(port) {
            self.take_back(Place { address, port }, client, id);
        }
    }

    /// Closes steered listeners that nobody holds.
    pub(super) fn relieve(&self) {
        if let Some(groups) = &self.groups {
            groups.trim();
        }
    }

    /// Ends every steered listener, before the accept path and with it the own listeners end.
    pub(super) fn close_groups(&self) {
        if let Some(groups) = &self.groups {
            groups.close();
            debug!("steered listeners closed");
        }
    }
}

/// How a lent listener came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// Its holder had closed it, as one does after accepting.
    Used,
    /// It was revoked.
    Revoked,
}
