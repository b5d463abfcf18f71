//! The stage: where connections wait until their preface has come.
//!
//! The accept path hands a connection over and goes on. One task admits it, resets the oldest
//! where there are too many, and starts a task that looks at its bytes as they come. They are
//! peeked at, so what does not belong to the preface stays for the session.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::debug;

use super::super::accept::{deliver, deliver_identified, reset};
use super::super::core::Core;
use super::{Hook, Preface};
use crate::Client;
use crate::table::Time;

/// How many connections the accept path may be ahead of the stage.
const MAX_ARRIVALS: usize = 1024;

/// Where the accept path hands connections over.
#[derive(Debug)]
pub(in crate::mux) struct Stage {
    hook: Hook,
    arrivals: mpsc::Sender<Waiting>,
}

/// Connections on their way into the stage.
type Arrivals = mpsc::Receiver<Waiting>;

/// A connection that has not shown its preface yet. It is reset if it is dropped.
#[derive(Debug)]
pub(in crate::mux) struct Waiting {
    stream: Option<TcpStream>,
    peer: SocketAddr,
    port: u16,
    arrived: Time,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            reset(stream);
        }
    }
}

impl Stage {
    pub(in crate::mux) fn new(hook: Hook) -> (Self, Arrivals) {
        let (arrivals, receiver) = mpsc::channel(MAX_ARRIVALS);
        (Self { hook, arrivals }, receiver)
    }

    /// Takes a connection that was accepted just now. Waits for nothing.
    pub(in crate::mux) fn enter(
        &self,
        core: &Core,
        port: u16,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        match (self.hook.judge)(peer, &[]) {
            // It needs none.
            Preface::Identified { client, .. } => deliver(core, port, stream, client),
            Preface::Reject => reset(&stream),
            Preface::NeedMore => {
                let arrived = core.reservations.clock().now();
                let waiting = Waiting { stream: Some(stream), peer, port, arrived };
                if self.arrivals.try_send(waiting).is_err() {
                    debug!(%peer, port, "reset a connection: too many come at once");
                }
            }
        }
    }

    /// Starts to admit connections.
    pub(in crate::mux) fn spawn(core: &Arc<Core>, arrivals: Arrivals) {
        let shared = Arc::clone(core);
        core.spawn_until(&core.ended, async move { admit(&shared, arrivals).await });
    }
}

async fn admit(core: &Arc<Core>, mut arrivals: Arrivals) {
    let Some(stage) = &core.stage else { return };
    let mut tasks = JoinSet::new();
    let mut admitted = Admitted::default();
    loop {
        tokio::select! {
            Some(waiting) = arrivals.recv() => {
                let source = Client::from(waiting.peer);
                let number = admitted.next;
                let (shared, hook) = (Arc::clone(core), stage.hook.clone());
                let task = core.tasks.track_future(async move {
                    serve(&shared, &hook, waiting).await;
                    number
                });
                admitted.add(source, tasks.spawn(task));
                if admitted.by_source[&source].len() > stage.hook.limits.per_source {
                    admitted.reset_oldest_of(source);
                }
                if admitted.all.len() > stage.hook.limits.overall {
                    admitted.reset_oldest();
                }
            }
            Some(ended) = tasks.join_next() => {
                // Otherwise it was reset, and removed then.
                if let Ok(number) = ended {
                    admitted.remove(number);
                }
            }
            else => return,
        }
    }
}

/// The connections in the stage, numbered as they came.
#[derive(Debug, Default)]
struct Admitted {
    next: u64,
    all: BTreeMap<u64, (Client, AbortHandle)>,
    by_source: HashMap<Client, BTreeSet<u64>>,
}

impl Admitted {
    fn add(&mut self, source: Client, task: AbortHandle) {
        self.all.insert(self.next, (source, task));
        self.by_source.entry(source).or_default().insert(self.next);
        self.next += 1;
    }

    fn remove(&mut self, number: u64) -> Option<AbortHandle> {
        let (source, task) = self.all.remove(&number)?;
        let numbers = self.by_source.get_mut(&source)?;
        numbers.remove(&number);
        if numbers.is_empty() {
            self.by_source.remove(&source);
        }
        Some(task)
    }

    fn reset_oldest_of(&mut self, source: Client) {
        let oldest = self.by_source.get(&source).and_then(|numbers| numbers.first().copied());
        if let Some(task) = oldest.and_then(|number| self.remove(number)) {
            debug!(%source, "reset the oldest connection without a preface of one address");
            task.abort();
        }
    }

    fn reset_oldest(&mut self) {
        let oldest = self.all.first_key_value().map(|(number, _)| *number);
        if let Some(task) = oldest.and_then(|number| self.remove(number)) {
            debug!("reset the oldest connection without a preface");
            task.abort();
        }
    }
}

/// Waits for one connection's preface, and delivers the connection or resets it.
async fn serve(core: &Core, hook: &Hook, mut waiting: Waiting) {
    let Waiting { peer, port, arrived, .. } = waiting;
    let Some(stream) = &waiting.stream else { return };
    let client = match timeout(hook.limits.timeout, identify(hook, stream, peer)).await {
        Ok(Ok(Some(client))) => client,
        Ok(Ok(None)) => return debug!(%peer, port, "rejected a connection by its preface"),
        Ok(Err(error)) => return debug!(%peer, port, %error, "a connection ended in its preface"),
        Err(_) => return debug!(%peer, port, "a connection took too long for its preface"),
    };
    if let Some(stream) = waiting.stream.take() {
        deliver_identified(core, port, stream, client, arrived);
    }
}

/// The client that the preface names, which is then taken off the stream. `None` if the hook
/// rejects it, or wants more than it may see.
async fn identify(hook: &Hook, stream: &TcpStream, peer: SocketAddr) -> io::Result<Option<Client>> {
    let mut buffer = vec![0; hook.limits.bytes];
    let mut seen = 0;
    loop {
        let ready = stream.ready(Interest::READABLE).await?;
        // The bytes seen stay in the socket, so it is readable all the time. That there are no more
        // than before is therefore said to the runtime as if there were none: it waits for the
        // next that come, and misses none, since it was ready before they were looked for.
        let peeked = stream.try_io(Interest::READABLE, || match peek(stream, &mut buffer)? {
            count if count > seen || count == 0 => Ok(count),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        });
        match peeked {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => seen = count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if ready.is_read_closed() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            Err(error) => return Err(error),
        }
        match (hook.judge)(peer, &buffer[..seen]) {
            Preface::NeedMore if seen < buffer.len() => {}
            Preface::NeedMore | Preface::Reject => return Ok(None),
            Preface::Identified { client, consumed } => {
                take(stream, &mut buffer[..consumed.min(seen)])?;
                return Ok(Some(client));
            }
        }
    }
}

/// Takes bytes off the stream that have been peeked at.
fn take(stream: &TcpStream, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_read(bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes = &mut bytes[count..],
        }
    }
    Ok(())
}

/// Looks at what has come, without waiting and without taking it.
fn peek(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (start, length) = (buffer.as_mut_ptr().cast::<MaybeUninit<u8>>(), buffer.len());
    // SAFETY: the memory is that of `buffer`, which nothing else refers to for as long as this
    // lives, and bytes are allowed to be initialised. `peek` promises to write none that are not.
    let buffer = unsafe { std::slice::from_raw_parts_mut(start, length) };
    SockRef::from(stream).peek(buffer)
}
