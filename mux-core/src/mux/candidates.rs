//! The candidates of one reservation: those that have said too little yet, and those that are
//! being verified.
//!
//! Both are bounded in number, and the oldest gives way. Who is silent, or has said half of what
//! the filter must see, takes a place among the first alone, and is bounded in time by the
//! reservation's deadline.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::time::{Timeout, timeout};
use tracing::debug;

use super::preface::peek_until;
use super::verifier::{self, Filtered, Verifier};

/// How many candidates of a reservation may wait for their first bytes.
const MAX_WAITING: usize = 64;

/// How many when those of all reservations are too many.
const MAX_WAITING_IF_MANY: usize = 4;

/// How many candidates of all reservations are too many that wait for their first bytes.
const MAX_WAITING_OVERALL: usize = 4096;

/// How many candidates of a reservation are verified at a time.
const MAX_VERIFYING: usize = 16;

/// How long one verification may take.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many candidates of all reservations wait for their first bytes.
pub(super) type WaitingOverall = Arc<AtomicUsize>;

/// Those of one reservation, each the oldest first.
pub(super) struct Candidates<T> {
    verifier: Verifier<T>,
    overall: WaitingOverall,
    waiting: VecDeque<Waiting>,
    verifying: VecDeque<Verifying<T>>,
}

/// One that was verified.
#[derive(Debug)]
pub(super) struct Verified<T> {
    value: T,
    /// A second descriptor of the connection. As long as this was not taken, closing resets.
    connection: Socket,
}

/// One that has not said enough.
struct Waiting {
    stream: Arc<TcpStream>,
    filtered: Pin<Box<dyn Future<Output = io::Result<Option<Filtered>>> + Send>>,
    _place: Place,
}

/// One that is being verified. Unless it passes, it is reset when this is dropped.
struct Verifying<T> {
    result: Pin<Box<Timeout<verifier::Verification<T>>>>,
    /// A second descriptor of the connection: the verifier has taken the first.
    connection: Socket,
}

/// A place among those that wait overall.
struct Place(WaitingOverall);

impl Place {
    /// Relaxed, here and elsewhere: a count that orders nothing.
    fn take(overall: &WaitingOverall) -> Self {
        overall.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(overall))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Candidates<T> {
    pub(super) fn new(verifier: Verifier<T>, overall: WaitingOverall) -> Self {
        Self { verifier, overall, waiting: VecDeque::new(), verifying: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.verifying.len()
    }

    /// Takes one that has come. Whether it was rejected at once.
    pub(super) fn add(&mut self, stream: TcpStream) -> bool {
        // Whatever becomes of it, unless it passes, closing it resets it.
        if let Err(error) = stream.set_zero_linger() {
            debug!("a candidate was over before it was looked at: {error}");
            return true;
        }
        match (self.verifier.filter)(&[]) {
            Filtered::Reject => return true,
            Filtered::Pass => return self.verify(stream),
            Filtered::NeedMore => {}
        }
        let is_crowded = self.overall.load(Ordering::Relaxed) >= MAX_WAITING_OVERALL;
        let limit = if is_crowded { MAX_WAITING_IF_MANY } else { MAX_WAITING };
        while self.waiting.len() >= limit {
            debug!("the oldest candidate that waits gives way");
            self.waiting.pop_front();
        }
        let stream = Arc::new(stream);
        let (watched, filter) = (Arc::clone(&stream), Arc::clone(&self.verifier.filter));
        let max_bytes = self.verifier.max_bytes;
        let filtered = Box::pin(async move {
            let judge = |seen: &[u8]| match filter(seen) {
                Filtered::NeedMore => None,
                judged => Some(judged),
            };
            peek_until(&watched, max_bytes, judge).await
        });
        self.waiting.push_back(Waiting { stream, filtered, _place: Place::take(&self.overall) });
        false
    }

    /// Goes on with all of them: the first that was verified, or `None` for one that was rejected.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Verified<T>>> {
        let mut place = 0;
        while let Some(waiting) = self.waiting.get_mut(place) {
            let Poll::Ready(filtered) = waiting.filtered.as_mut().poll(context) else {
                place += 1;
                continue;
            };
            let stream = self.waiting.remove(place).and_then(Waiting::into_stream);
            let is_rejected = match (filtered, stream) {
                (Ok(Some(Filtered::Pass)), Some(stream)) => self.verify(stream),
                (Ok(_), _) => {
                    debug!("a candidate was rejected by what it says first");
                    true
                }
                (Err(error), _) => {
                    debug!("a candidate was over before it could be verified: {error}");
                    true
                }
            };
            if is_rejected {
                return Poll::Ready(None);
            }
        }
        for place in 0..self.verifying.len() {
            let verifying = &mut self.verifying[place];
            if let Poll::Ready(result) = verifying.result.as_mut().poll(context) {
                let Verifying { connection, .. } = self.verifying.remove(place).expect("it is");
                if result.is_err() {
                    debug!("a candidate was rejected: it took too long to verify");
                }
                let value = result.ok().flatten();
                return Poll::Ready(value.map(|value| Verified { value, connection }));
            }
        }
        Poll::Pending
    }

    /// Resets those that have not said enough.
    pub(super) fn reset_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Gives up all, but leaves the connections as they are.
    pub(super) fn take_connections(&mut self) -> Vec<TcpStream> {
        let waiting = self.waiting.drain(..).filter_map(|waiting| {
            let stream = waiting.into_stream()?;
            SockRef::from(&stream).set_linger(None).ok()?;
            Some(stream)
        });
        let verifying = self.verifying.drain(..).filter_map(|it| connection(it.connection).ok());
        verifying.chain(waiting).collect()
    }

    /// Begins to verify one. Whether that failed, and so it is rejected.
    fn verify(&mut self, stream: TcpStream) -> bool {
        let connection = match SockRef::from(&stream).try_clone() {
            Ok(connection) => connection,
            Err(error) => {
                debug!("cannot verify a candidate: {error}");
                return true;
            }
        };
        if self.verifying.len() == MAX_VERIFYING {
            debug!("the oldest candidate that is being verified gives way");
            self.verifying.pop_front();
        }
        let result = Box::pin(timeout(VERIFY_TIMEOUT, (self.verifier.verify)(stream)));
        self.verifying.push_back(Verifying { result, connection });
        false
    }
}

impl Waiting {
    fn into_stream(self) -> Option<TcpStream> {
        drop(self.filtered);
        Arc::into_inner(self.stream)
    }
}

impl<T> Verified<T> {
    /// What the verifier made of it. From here on closing must not lose what was sent.
    pub(super) fn take(self) -> io::Result<T> {
        self.connection.set_linger(None)?;
        Ok(self.value)
    }

    /// Gives up what the verifier made of it, but leaves the connection as it is.
    pub(super) fn into_connection(self) -> io::Result<TcpStream> {
        drop(self.value);
        connection(self.connection)
    }
}

/// A descriptor of a connection that is the last one now.
fn connection(socket: Socket) -> io::Result<TcpStream> {
    socket.set_linger(None)?;
    TcpStream::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn few_of_each_wait_where_many_wait_overall() {
        let overall = WaitingOverall::default();
        let verifier = Verifier::new(|stream| async { Ok::<TcpStream, Infallible>(stream) });
        let mut candidates = Candidates::new(verifier, Arc::clone(&overall));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut there = Vec::new();
        for many in [false, true] {
            if many {
                overall.fetch_add(MAX_WAITING_OVERALL, Ordering::Relaxed);
            }
            for _ in 0..10 {
                let to = listener.local_addr().unwrap();
                there.push(TcpStream::connect(to).await.unwrap());
                assert!(!candidates.add(listener.accept().await.unwrap().0));
            }
            assert_eq!(candidates.len(), if many { MAX_WAITING_IF_MANY } else { 10 });
        }
        candidates.reset_waiting();
        assert_eq!(overall.load(Ordering::Relaxed), MAX_WAITING_OVERALL);
    }
}
