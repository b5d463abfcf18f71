//! Admission: from a request for a reservation to a port, a place in the wait queue or a refusal.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::core::Core;
use super::lifecycle::Delivery;
use super::registration::Registration;
use super::wait_queue::Waiter;
use super::watch;
use crate::table::{Matching, Rejected, Reserved};
use crate::{Client, ReserveError};

impl Core {
    /// Reserves a port for `client`, and waits for one as long as the settings allow.
    pub(super) async fn admit(
        self: &Arc<Self>,
        client: Client,
        matching: Matching,
        delivery: Delivery,
    ) -> Result<Registration, ReserveError> {
        let admitted = self.queue_for_port(client, matching, delivery).await;
        self.reservations.answered(client, admitted.map(|reserved| reserved.port));
        let Reserved { port, id } = admitted?;
        Ok(Registration { core: Arc::clone(self), client, port, id })
    }

    async fn queue_for_port(
        &self,
        client: Client,
        matching: Matching,
        mut delivery: Delivery,
    ) -> Result<Reserved, ReserveError> {
        let queue = &self.reservations.wait_queue;
        let key = self.reservations.key(client);
        let deadline = Instant::now() + self.wait;
        let mut reason = ReserveError::NoFreePort;
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            let is_next = match &waiter {
                None => !queue.has(key),
                Some(waiter) => waiter.is_head(),
            };
            if is_next {
                match self.try_reserve(client, matching, delivery) {
                    // The last sweep of a mux that is shut down may have been before this.
                    Ok(reserved) if self.closed.is_cancelled() => {
                        self.reservations.withdraw(reserved.id);
                        return Err(ReserveError::ShutDown);
                    }
                    Ok(reserved) => return Ok(reserved),
                    Err(rejected) if !rejected.reason.can_wait() => return Err(rejected.reason),
                    Err(rejected) => (reason, delivery) = (rejected.reason, rejected.payload),
                }
            }
            match &waiter {
                None if self.wait.is_zero() => return Err(reason),
                // Having joined, it tries again: see the fences of the wait queue.
                None => waiter = Some(queue.join(key)?),
                Some(waiter) => tokio::select! {
                    woken = timeout_at(deadline, waiter.woken()) => woken.map_err(|_| reason)?,
                    () = self.closed.cancelled() => return Err(ReserveError::ShutDown),
                },
            }
        }
    }

    /// Tries once, or twice if a holder turns out to have closed its lent listener.
    fn try_reserve(
        &self,
        client: Client,
        matching: Matching,
        delivery: Delivery,
    ) -> Result<Reserved, Rejected<Delivery>> {
        let reserve = |delivery| self.reservations.reserve(client, matching, delivery);
        reserve(delivery).or_else(|rejected| {
            let can_wait = rejected.reason.can_wait();
            match &self.groups {
                Some(groups) if can_wait && watch::find_closed(self, groups, client) => {
                    reserve(rejected.payload)
                }
                _ => Err(rejected),
            }
        })
    }
}
