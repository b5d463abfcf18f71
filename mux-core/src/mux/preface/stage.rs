//! The stage: where connections wait until their preface has come.
//!
//! The accept path hands a connection over and goes on. One task admits it and starts a task that
//! looks at its bytes as they come. They are peeked at, so what does not belong to the preface
//! stays for the session. Where there are too many, the oldest gives way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::super::accept::{Delivered, deliver, deliver_identified, reset};
use super::super::core::Core;
use super::arrivals::Arrivals;
use super::peek::peek;
use super::rejected::{Counts, Told};
use super::{Hook, Preface, PrefaceError, PrefaceLimits, PrefaceStats, peek_until};
use crate::Client;
use crate::table::Time;

/// How much of a connection is looked at as it is accepted: more than a PROXY header with a few
/// fields has.
const FIRST_LOOK_BYTES: usize = 256;

/// How many connections the accept path may be ahead of the stage.
const MAX_ARRIVALS: usize = 1024;

/// How many connections that gave way, or are done, may be on their way out. Those of them that
/// gave way keep their descriptors until their task runs once more.
const MAX_LEAVING: usize = 256;

/// Where the accept path hands connections over.
#[derive(Debug)]
pub(in crate::mux) struct Stage {
    hook: Hook,
    arrivals: Arrivals<Waiting>,
    counts: Arc<Counts>,
    told: Told,
}

/// A connection that has not shown its preface yet. It is reset if it is dropped.
#[derive(Debug)]
pub(in crate::mux) struct Waiting {
    stream: Option<TcpStream>,
    peer: SocketAddr,
    port: u16,
    arrived: Time,
    counts: Arc<Counts>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.counts.waiting.fetch_sub(1, Relaxed);
        if let Some(stream) = &self.stream {
            reset(stream);
        }
    }
}

impl Stage {
    pub(in crate::mux) fn new(hook: Hook) -> Self {
        Self {
            hook,
            arrivals: Arrivals::new(MAX_ARRIVALS),
            counts: Arc::default(),
            told: Told::default(),
        }
    }

    pub(in crate::mux) fn stats(&self) -> PrefaceStats {
        self.counts.snapshot()
    }

    /// Takes a connection that was accepted just now. Waits for nothing. One whose preface has come
    /// already goes on at once, however many wait.
    pub(in crate::mux) fn enter(
        &self,
        core: &Core,
        port: u16,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Delivered {
        let mut buffer = [0; FIRST_LOOK_BYTES];
        let limit = buffer.len().min(self.hook.limits.bytes);
        let (mut seen, mut preface) = (0, (self.hook.judge)(peer, &[]));
        if preface == Preface::NeedMore {
            // What is an error now is one to those who read later as well.
            seen = peek(&stream, &mut buffer[..limit]).unwrap_or(0);
        }
        if seen > 0 {
            preface = (self.hook.judge)(peer, &buffer[..seen]);
        }
        match preface {
            Preface::Identified { client, consumed } => {
                match take(&stream, &mut buffer[..consumed.min(seen)]) {
                    Ok(()) => return deliver(core, port, stream, client),
                    Err(error) => debug!(%peer, port, %error, "a connection ended in its preface"),
                }
            }
            Preface::Nobody => reset(&stream),
            Preface::Reject => {
                self.rejected(peer, port, PrefaceError::Invalid);
                reset(&stream);
            }
            Preface::NeedMore => {
                let arrived = core.reservations.clock().now();
                self.counts.waiting.fetch_add(1, Relaxed);
                let counts = Arc::clone(&self.counts);
                let waiting = Waiting { stream: Some(stream), peer, port, arrived, counts };
                if let Some(oldest) = self.arrivals.add(waiting) {
                    self.rejected(oldest.peer, oldest.port, PrefaceError::TooMany);
                }
            }
        }
        Delivered::Otherwise
    }

    /// Counts a connection that is reset, and tells why.
    fn rejected(&self, peer: SocketAddr, port: u16, error: PrefaceError) {
        self.counts.rejected(error);
        debug!(%peer, port, %error, "reset a connection");
        let is_lacking = matches!(error, PrefaceError::Invalid | PrefaceError::Late);
        if let Some(advice) = self.hook.advice.filter(|_| is_lacking && self.told.is_due()) {
            warn!(%peer, port, why = error.name(), "{advice}");
        }
    }

    /// Starts to admit connections.
    pub(in crate::mux) fn spawn(core: &Arc<Core>) {
        let shared = Arc::clone(core);
        core.spawn_until(&core.ended, async move { admit(&shared).await });
    }
}

async fn admit(core: &Arc<Core>) {
    let Some(stage) = &core.stage else { return };
    let _closes = stage.arrivals.close_on_drop();
    let mut tasks = JoinSet::new();
    let mut admitted = All::default();
    let most = stage.hook.limits.overall + MAX_LEAVING;
    loop {
        tokio::select! {
            waiting = stage.arrivals.take(), if tasks.len() < most => {
                let (source, port) = (waiting.peer, waiting.port);
                let number = admitted.next;
                let shared = Arc::clone(core);
                let task = core.tasks.track_future(async move {
                    serve(&shared, waiting).await;
                    number
                });
                let oldest = admitted.add(&stage.hook.limits, source, port, tasks.spawn(task));
                for Admitted { peer, port, task } in oldest {
                    if !task.is_finished() {
                        stage.rejected(peer, port, PrefaceError::TooMany);
                        task.abort();
                    }
                }
            }
            Some(ended) = tasks.join_next() => {
                // Otherwise it was reset, and removed then.
                if let Ok(number) = ended {
                    admitted.remove(number);
                }
            }
        }
    }
}

/// The connections in the stage, numbered as they came.
#[derive(Debug, Default)]
struct All {
    next: u64,
    by_number: BTreeMap<u64, Admitted>,
    by_source: HashMap<Client, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Admitted {
    peer: SocketAddr,
    port: u16,
    task: AbortHandle,
}

impl All {
    /// Adds one, and removes those that must give way for it.
    fn add(
        &mut self,
        limits: &PrefaceLimits,
        peer: SocketAddr,
        port: u16,
        task: AbortHandle,
    ) -> impl Iterator<Item = Admitted> {
        self.by_number.insert(self.next, Admitted { peer, port, task });
        let of_source = self.by_source.entry(peer.into()).or_default();
        of_source.insert(self.next);
        self.next += 1;
        let oldest = of_source.first().copied().filter(|_| of_source.len() > limits.per_source);
        let of_source = oldest.and_then(|number| self.remove(number));
        let oldest = self.by_number.first_key_value().map(|(number, _)| *number);
        let oldest = oldest.filter(|_| self.by_number.len() > limits.overall);
        of_source.into_iter().chain(oldest.and_then(|number| self.remove(number)))
    }

    fn remove(&mut self, number: u64) -> Option<Admitted> {
        let admitted = self.by_number.remove(&number)?;
        let source = admitted.peer.into();
        let numbers = self.by_source.get_mut(&source)?;
        numbers.remove(&number);
        if numbers.is_empty() {
            self.by_source.remove(&source);
        }
        Some(admitted)
    }
}

/// Waits for one connection's preface, and delivers the connection or resets it.
async fn serve(core: &Core, mut waiting: Waiting) {
    let (Some(stage), Some(stream)) = (&core.stage, &waiting.stream) else { return };
    let Waiting { peer, port, arrived, .. } = waiting;
    let limit = stage.hook.limits.timeout;
    let identified = timeout(limit, identify(&stage.hook, stream, peer)).await;
    match identified.unwrap_or(Err(Turned::Away(PrefaceError::Late))) {
        Ok(client) => {
            let stream = waiting.stream.take();
            // It waits no more.
            drop(waiting);
            if let Some(stream) = stream {
                deliver_identified(core, port, stream, client, arrived);
            }
        }
        Err(Turned::Away(error)) => stage.rejected(peer, port, error),
        Err(Turned::Nobody) => debug!(%peer, port, "reset a connection that is nobody's"),
        Err(Turned::Ended(error)) => {
            debug!(%peer, port, %error, "a connection ended in its preface");
        }
    }
}

/// Why a connection is not delivered.
#[derive(Debug)]
enum Turned {
    Away(PrefaceError),
    Nobody,
    /// By its peer, or the network.
    Ended(io::Error),
}

impl From<io::Error> for Turned {
    fn from(error: io::Error) -> Self {
        Self::Ended(error)
    }
}

/// The client that the preface names, which is then taken off the stream.
async fn identify(hook: &Hook, stream: &TcpStream, peer: SocketAddr) -> Result<Client, Turned> {
    let judge = |seen: &[u8]| match (hook.judge)(peer, seen) {
        Preface::NeedMore => None,
        Preface::Reject => Some(Err(Turned::Away(PrefaceError::Invalid))),
        Preface::Nobody => Some(Err(Turned::Nobody)),
        Preface::Identified { client, consumed } => Some(Ok((client, consumed.min(seen.len())))),
    };
    let judged = peek_until(stream, hook.limits.bytes, judge).await?;
    let (client, consumed) = judged.unwrap_or(Err(Turned::Away(PrefaceError::Invalid)))?;
    take(stream, &mut vec![0; consumed])?;
    Ok(client)
}

/// Takes bytes off the stream that have been peeked at. They are there, whether or not the runtime
/// knows that yet.
fn take(stream: &TcpStream, mut bytes: &mut [u8]) -> io::Result<()> {
    let socket = SockRef::from(stream);
    while !bytes.is_empty() {
        match (&*socket).read(bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes = &mut bytes[count..],
        }
    }
    Ok(())
}
