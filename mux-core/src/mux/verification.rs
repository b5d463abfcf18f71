//! The task of a verified reservation: it takes the candidates from the accept path, has them
//! verified, and claims the reservation for the first that passes.
//!
//! The accept path only sends a candidate into a channel. The task takes it from there, whether or
//! not the session waits for it yet, and opens the reservation to the next connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::accept::reset;
use super::candidates::{Candidates, Verified};
use super::errors::AcceptError;
use super::registration::Registration;
use super::verifier::Verifier;
use crate::table::{MAX_OPENINGS, NotOpened};

/// How long to wait for room in the table before a reservation is opened again.
const ROOM_INTERVAL: Duration = Duration::from_millis(20);

/// What the session sees of the task.
#[derive(Debug)]
pub(super) struct Verification<T> {
    /// The connection that has passed.
    pub(super) verified: oneshot::Receiver<Verified<T>>,
    pub(super) progress: watch::Receiver<Progress>,
    /// Asks for all that have come. If it is dropped, they are reset.
    pub(super) give_back: oneshot::Sender<oneshot::Sender<Vec<TcpStream>>>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// How many candidates there are that were neither rejected nor verified.
    pub(super) candidates: usize,
    /// When one was rejected last.
    pub(super) rejected: Option<Instant>,
    /// Why there will be no more.
    pub(super) end: Option<AcceptError>,
}

/// Opens the reservation to as many connections as may come close upon each other, and starts to
/// verify what comes, until it ends, which `end` tells.
///
/// # Errors
///
/// [`NotOpened::TableFull`] if there is no room for a single opening.
pub(super) fn start<T: Send + 'static>(
    registration: &Arc<Registration>,
    verifier: Verifier<T>,
    end: oneshot::Receiver<AcceptError>,
) -> Result<Verification<T>, NotOpened> {
    let core = &registration.core;
    let (openings, arriving) = mpsc::channel(MAX_OPENINGS);
    let (pass, verified) = oneshot::channel();
    let (tell, progress) = watch::channel(Progress::default());
    let (give_back, wanted_back) = oneshot::channel();
    let mut task = Task {
        registration: Arc::clone(registration),
        openings,
        closed: MAX_OPENINGS,
        arriving,
        candidates: Candidates::new(verifier, Arc::clone(&core.waiting_candidates)),
        pass,
        progress: Progress::default(),
        tell,
    };
    task.reopen();
    if task.closed == MAX_OPENINGS {
        return Err(NotOpened::TableFull);
    }
    // It ends with the reservation, and every reservation ends before the mux does.
    core.tasks.spawn_on(task.run(end, wanted_back), &core.runtime);
    Ok(Verification { verified, progress, give_back })
}

struct Task<T> {
    registration: Arc<Registration>,
    /// What the openings carry.
    openings: mpsc::Sender<TcpStream>,
    /// How many openings were used up and not opened again.
    closed: usize,
    /// From the accept path.
    arriving: mpsc::Receiver<TcpStream>,
    candidates: Candidates<T>,
    // Dropped before `tell`, so that who sees the end of that finds the end of this.
    pass: oneshot::Sender<Verified<T>>,
    progress: Progress,
    tell: watch::Sender<Progress>,
}

impl<T> Task<T> {
    async fn run(
        mut self,
        mut end: oneshot::Receiver<AcceptError>,
        mut wanted_back: oneshot::Receiver<oneshot::Sender<Vec<TcpStream>>>,
    ) {
        let closing = self.registration.core.closed.clone();
        let mut is_over = false;
        loop {
            self.tell_progress();
            tokio::select! {
                biased;
                ended = poll_fn(|context| self.candidates.poll(context)) => match ended {
                    Some(verified) => return self.claim(verified),
                    None => self.progress.rejected = Some(Instant::now()),
                },
                Some(candidate) = self.arriving.recv(), if !is_over => {
                    if self.candidates.add(candidate) {
                        self.progress.rejected = Some(Instant::now());
                    }
                    self.closed += 1;
                    self.reopen();
                }
                () = sleep(ROOM_INTERVAL), if self.closed > 0 && !is_over => self.reopen(),
                wanted = &mut wanted_back => {
                    if let Ok(give) = wanted {
                        // Who asks has ended the reservation before, so nothing more comes.
                        let _ = give.send(self.take_connections());
                    }
                    return self.reset_arriving();
                }
                why = &mut end, if !is_over => {
                    is_over = true;
                    // Without a word it was given up, and `wanted_back` tells what to do.
                    if let Ok(why) = why {
                        self.reset_arriving();
                        self.candidates.reset_waiting();
                        self.progress.end = Some(why);
                    }
                }
                () = closing.cancelled() => {
                    self.progress.end = Some(AcceptError::ShutDown);
                    self.candidates.take_connections().iter().for_each(reset);
                }
            }
            if self.progress.end.is_some() && self.candidates.len() == 0 {
                self.reset_arriving();
                return self.tell_progress();
            }
        }
    }

    /// The right one has come: the port is free for the client's next one.
    fn claim(mut self, verified: Verified<T>) {
        // If it was pending no more, the connection is good all the same.
        self.registration.claim();
        self.reset_arriving();
        // If the session has ended meanwhile, it is reset.
        let _ = self.pass.send(verified);
    }

    /// Opens the reservation as often as there is room and need.
    fn reopen(&mut self) {
        let Registration { core, id, .. } = &*self.registration;
        while self.closed > 0 {
            match core.reservations.open(*id, &self.openings) {
                Ok(()) => self.closed -= 1,
                Err(NotOpened::TableFull) => return,
                // It has ended, or a claim is not through yet.
                Err(NotOpened::Stale | NotOpened::Open) => self.closed = 0,
            }
        }
    }

    /// Lets the accept path send no more, and resets what it has sent.
    fn reset_arriving(&mut self) {
        self.arriving.close();
        while let Ok(candidate) = self.arriving.try_recv() {
            reset(&candidate);
        }
    }

    fn take_connections(&mut self) -> Vec<TcpStream> {
        let mut connections = self.candidates.take_connections();
        self.arriving.close();
        while let Ok(candidate) = self.arriving.try_recv() {
            connections.push(candidate);
        }
        connections
    }

    fn tell_progress(&mut self) {
        self.progress.candidates = self.candidates.len();
        self.tell.send_if_modified(|told| {
            let is_new = *told != self.progress;
            *told = self.progress;
            is_new
        });
    }
}
