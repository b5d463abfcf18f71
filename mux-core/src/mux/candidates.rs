//! The candidates of a verified reservation, from the accept path to the session.
//!
//! The accept path only sends a candidate into a channel. A task of the reservation takes it from
//! there, whether or not the session waits for candidates yet, and opens the reservation to the
//! next connection. It keeps the last few; when one more comes, the oldest is reset.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::sleep;
use tracing::debug;

use super::accept::reset;
use super::core::Core;
use super::errors::AcceptError;
use crate::table::{MAX_OPENINGS, NotOpened, ReservationId};

/// How many candidates wait for a session.
const MAX_CANDIDATES: usize = 16;

/// How long to wait for room in the table before a reservation is opened again.
const ROOM_INTERVAL: Duration = Duration::from_millis(20);

/// The candidates that a session has not taken yet.
#[derive(Debug)]
pub(super) struct Candidates {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug)]
struct Queue {
    /// From the accept path.
    arriving: mpsc::Receiver<TcpStream>,
    waiting: VecDeque<TcpStream>,
    end: Option<AcceptError>,
}

impl Candidates {
    fn new(arriving: mpsc::Receiver<TcpStream>) -> Self {
        let queue = Queue { arriving, waiting: VecDeque::new(), end: None };
        Self { queue: Mutex::new(queue), changed: Notify::new() }
    }

    /// The next candidate, or why there is none any more. The end is told once.
    pub(super) async fn next(&self) -> Result<TcpStream, AcceptError> {
        loop {
            {
                let mut queue = self.lock();
                if let Some(candidate) = queue.waiting.pop_front() {
                    return Ok(candidate);
                }
                if let Some(why) = queue.end {
                    queue.end = Some(AcceptError::Delivered);
                    return Err(why);
                }
            }
            // One that was told before this waits is not missed.
            self.changed.notified().await;
        }
    }

    /// Takes all that wait, the oldest first. None comes after this.
    pub(super) fn take_all(&self) -> VecDeque<TcpStream> {
        let mut queue = self.lock();
        queue.let_in_the_rest();
        std::mem::take(&mut queue.waiting)
    }

    /// Takes in the next that the accept path has sent. `None` if none comes any more.
    fn poll_arrival(&self, context: &mut Context<'_>) -> Poll<Option<()>> {
        let mut queue = self.lock();
        let Some(candidate) = ready!(queue.arriving.poll_recv(context)) else {
            return Poll::Ready(None);
        };
        queue.add(candidate);
        self.changed.notify_one();
        Poll::Ready(Some(()))
    }

    fn end(&self, why: AcceptError) {
        let mut queue = self.lock();
        // What was let through comes before the end.
        queue.let_in_the_rest();
        queue.end = Some(why);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn add(&mut self, candidate: TcpStream) {
        if self.waiting.len() == MAX_CANDIDATES
            && let Some(oldest) = self.waiting.pop_front()
        {
            debug!("the oldest candidate gives way");
            reset(&oldest);
        }
        self.waiting.push_back(candidate);
    }

    /// Takes in what the accept path has sent, and lets it send no more.
    fn let_in_the_rest(&mut self) {
        self.arriving.close();
        while let Ok(candidate) = self.arriving.try_recv() {
            self.add(candidate);
        }
    }
}

/// Opens the reservation to as many connections as may come close upon each other, and starts to
/// collect candidates until it ends, which `end` tells.
///
/// # Errors
///
/// [`NotOpened::TableFull`] if there is no room for a single opening.
pub(super) fn collect(
    core: &Arc<Core>,
    id: ReservationId,
    end: oneshot::Receiver<AcceptError>,
) -> Result<Arc<Candidates>, NotOpened> {
    let (sender, arriving) = mpsc::channel(MAX_OPENINGS);
    let mut openings = 0;
    while openings < MAX_OPENINGS {
        match core.reservations.open(id, &sender) {
            Ok(()) => openings += 1,
            Err(NotOpened::TableFull) if openings == 0 => return Err(NotOpened::TableFull),
            // Whether it has expired already is for `end` to say.
            Err(NotOpened::TableFull | NotOpened::Stale | NotOpened::Open) => break,
        }
    }
    let candidates = Arc::new(Candidates::new(arriving));
    let collector =
        Collector { core: Arc::clone(core), id, sender, candidates: Arc::clone(&candidates) };
    // It ends with the reservation, and every reservation ends before the mux does.
    core.tasks.spawn_on(collector.run(end), &core.runtime);
    Ok(candidates)
}

struct Collector {
    core: Arc<Core>,
    id: ReservationId,
    sender: mpsc::Sender<TcpStream>,
    candidates: Arc<Candidates>,
}

impl Collector {
    async fn run(self, mut end: oneshot::Receiver<AcceptError>) {
        let why = loop {
            tokio::select! {
                biased;
                Some(()) = poll_fn(|context| self.candidates.poll_arrival(context)) => {
                    self.reopen().await;
                }
                why = &mut end => break why,
            }
        };
        // Without a word it was cancelled or claimed: nobody waits.
        self.candidates.end(why.unwrap_or(AcceptError::ShutDown));
    }

    /// Opens the reservation once more, as soon as there is room.
    async fn reopen(&self) {
        while self.core.reservations.open(self.id, &self.sender) == Err(NotOpened::TableFull) {
            sleep(ROOM_INTERVAL).await;
        }
    }
}
