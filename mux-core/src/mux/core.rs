//! What the mux's tasks and handles share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::clock::Clock;
use super::errors::{AcceptError, ReserveError};
use super::groups::Groups;
use super::wait_queue::{Freed, QueueLimits, WaitQueue};

use super::own_listeners::OwnListeners;
use super::stats::{Counters, Stats};
use super::strangers::Strangers;
use crate::table::{self, Expired, Matching, Refusal, ReservationId, Reserved, Table, Time};
use crate::{Client, ClientKey, ClientPrefix, PortSet};

/// What a reservation carries: where its connection, or its end, is to be delivered.
#[derive(Debug)]
pub(super) enum Delivery {
    /// To the session that waits in [`Reservation::accept`](super::Reservation::accept).
    Stream(oneshot::Sender<Result<TcpStream, AcceptError>>),
    /// To a session that verifies it, in [`VerifiedReservation::candidate`](super::VerifiedReservation::candidate). The
    /// reservation goes on.
    Candidate(oneshot::Sender<TcpStream>),
    /// To a session that verifies its connections, of whose reservation this tells the end.
    End(oneshot::Sender<AcceptError>),
    /// By the kernel, to the holder of the listening socket lent on the address of that index.
    #[cfg_attr(
        not(all(feature = "steering", target_os = "linux")),
        expect(dead_code, reason = "nothing is lent without steering")
    )]
    Listener { address: u16, client: Client },
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) ttl: Duration,
    pub(super) wait: Duration,
    pub(super) client_prefix: ClientPrefix,
}

/// What became of an attempt to reserve.
type Attempt = Result<Result<Reserved, table::ReserveError<Delivery>>, ReserveError>;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) table: Table<Delivery>,
    pub(super) clock: Clock,
    pub(super) wait_queue: WaitQueue,
    pub(super) counters: Counters,
    pub(super) strangers: Strangers,
    pub(super) settings: Settings,
    pub(super) groups: Option<Groups>,
    /// Set once the mux listens.
    pub(super) own: OnceLock<OwnListeners>,
    /// When the expiry task will look next, in the table's time.
    pub(super) next_expiry: AtomicU64,
    /// Tells the expiry task of an earlier deadline.
    pub(super) earlier_deadline: Notify,
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
    pub(super) fn new(
        ports: PortSet,
        capacity: usize,
        limits: table::Limits,
        waiting: QueueLimits,
        settings: Settings,
        groups: Option<Groups>,
    ) -> (Arc<Self>, Freed) {
        let (wait_queue, freed) = WaitQueue::new(waiting);
        let core = Self {
            counters: Counters::new(&ports),
            strangers: Strangers::new(&ports),
            table: Table::new(ports, capacity).with_limits(limits),
            clock: Clock::start(),
            wait_queue,
            settings,
            groups,
            own: OnceLock::new(),
            next_expiry: AtomicU64::new(Time::MAX.as_nanos()),
            earlier_deadline: Notify::new(),
            closed: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        };
        (Arc::new(core), freed)
    }

    /// Starts a task that ends, wherever it is, when `token` is cancelled.
    pub(super) fn spawn_until(
        &self,
        token: &CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tasks.spawn_on(token.clone().run_until_cancelled_owned(work), &self.runtime);
    }

    /// What the table and the wait queue know `client` by.
    pub(super) fn key(&self, client: Client) -> ClientKey {
        self.settings.client_prefix.key(client)
    }

    /// Reserves a port for `client`, waiting in line for one as long as the settings allow.
    pub(super) async fn admit(
        &self,
        client: Client,
        matching: Matching,
        delivery: Delivery,
    ) -> Result<Reserved, ReserveError> {
        let result = self.admit_in_turn(self.key(client), matching, delivery).await;
        match &result {
            Ok(reserved) => {
                if let Some(index) = self.table.ports().index_of(reserved.port) {
                    self.counters.reserved(index);
                }
                debug!(%client, port = reserved.port, "reserved");
            }
            Err(error) => {
                self.counters.refused(*error);
                debug!(%client, %error, "reservation refused");
            }
        }
        result
    }

    async fn admit_in_turn(
        &self,
        client: ClientKey,
        matching: Matching,
        delivery: Delivery,
    ) -> Result<Reserved, ReserveError> {
        let mut delivery = delivery;
        let mut reason = ReserveError::NoFreePort;
        if !self.wait_queue.has(client) {
            match self.try_reserve(client, matching, delivery)? {
                Ok(reserved) => return Ok(reserved),
                Err(taken) => (reason, delivery) = (taken.reason.into(), taken.payload),
            }
        }
        if self.settings.wait.is_zero() {
            return Err(reason);
        }
        let deadline = Instant::now() + self.settings.wait;
        let waiter = self.wait_queue.join(client)?;
        loop {
            if waiter.is_head() {
                match self.try_reserve(client, matching, delivery)? {
                    Ok(reserved) => return Ok(reserved),
                    Err(taken) => (reason, delivery) = (taken.reason.into(), taken.payload),
                }
            }
            tokio::select! {
                turn = timeout_at(deadline, waiter.woken()) => turn.map_err(|_elapsed| reason)?,
                () = self.closed.cancelled() => return Err(ReserveError::ShutDown),
            }
        }
    }

    /// One attempt, or two if a port turns out to be free. The inner error is one that waiting
    /// may mend: the client's ports, or its limit, are taken.
    fn try_reserve(&self, client: ClientKey, matching: Matching, delivery: Delivery) -> Attempt {
        match self.reserve_once(client, matching, delivery)? {
            Err(taken) if self.look(client) => self.reserve_once(client, matching, taken.payload),
            result => Ok(result),
        }
    }

    fn reserve_once(&self, client: ClientKey, matching: Matching, delivery: Delivery) -> Attempt {
        let deadline = self.clock.now() + self.settings.ttl;
        match self.table.reserve(client, deadline, matching, delivery) {
            Ok(reserved) => {
                // The last sweep of a mux that is shut down may have been before this.
                if self.closed.is_cancelled() {
                    let _ = self.table.cancel(reserved.id);
                    return Err(ReserveError::ShutDown);
                }
                // SeqCst: partner of the store in `expiry`. Either that task's next look at the
                // table sees this reservation, or this sees what that task has set its mind on.
                if deadline.as_nanos() < self.next_expiry.load(Ordering::SeqCst) {
                    self.earlier_deadline.notify_one();
                }
                Ok(Ok(reserved))
            }
            Err(error) => match error.reason {
                Refusal::NoFreePort | Refusal::PendingLimit => Ok(Err(error)),
                refusal @ (Refusal::TooManyClients | Refusal::TableFull) => Err(refusal.into()),
            },
        }
    }

    /// Gives up a reservation, if it has not ended. Whether it was this that ended it.
    pub(super) fn cancel(&self, client: Client, id: ReservationId) -> bool {
        let cancelled = self.table.cancel(id).is_ok();
        if cancelled {
            self.counters.cancelled();
            self.wait_queue.port_freed(self.key(client));
        }
        cancelled
    }

    /// Ends what is due at `now`, telling those who wait for it `why`.
    pub(super) fn expire(self: &Arc<Self>, now: Time, why: AcceptError) {
        for Expired { id, port, client, payload } in self.table.expire(now) {
            debug!(client = %client, port, "expired");
            self.counters.expired();
            match payload {
                // Whoever has dropped the receiver is not interested any more.
                Delivery::Stream(session) => drop(session.send(Err(why))),
                Delivery::End(session) => drop(session.send(why)),
                // It has no deadline of its own.
                Delivery::Candidate(_) => {}
                Delivery::Listener { address, client } => self.revoke(address, port, client, id),
            }
            self.wait_queue.port_freed(client);
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            pending: self.table.pending(),
            clients: self.table.clients(),
            waiting: self.wait_queue.waiting(),
            ..self.counters.snapshot(self.table.ports())
        }
    }
}
