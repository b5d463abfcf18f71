//! Verifying the connections that come for a reservation, until one passes.

use mux_core::mux::{AcceptError, VerifiedReservation};
use socket2::{SockRef, Socket};
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Timeout, timeout};
use tracing::debug;

/// How many connections are verified at the same time: as many as wait in the mux at most. One
/// more, and the oldest is given up, so connections that stall keep nobody out.
const MAX_VERIFYING: usize = 16;

/// How long one verification may take.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why no connection was verified.
pub(super) enum NoneVerified {
    /// This came first: there was no connection, or none that passed in time.
    Ended(AcceptError),
    /// There were connections, and none passed.
    Rejected,
}

/// Verifies the candidates of `reservation` as they come, some at a time. Returns what `verify`
/// made of the first that passed; all others are reset.
///
/// Cancel safety: if dropped, the connections that are being verified are reset, and `reservation`
/// stays in force.
pub(super) async fn first<T, E: Display, V>(
    reservation: &mut VerifiedReservation,
    verify: impl Fn(TcpStream) -> V,
) -> Result<T, NoneVerified>
where
    V: Future<Output = Result<T, E>>,
{
    let mut verifications = Verifications { running: VecDeque::new() };
    let mut rejected = false;
    let mut ended = None;
    loop {
        if let Some(why) = ended
            && verifications.running.is_empty()
        {
            let nobody = !rejected || why == AcceptError::ShutDown;
            return Err(if nobody { NoneVerified::Ended(why) } else { NoneVerified::Rejected });
        }
        tokio::select! {
            biased;
            verified = verifications.next() => match verified {
                Some(verified) => return Ok(verified),
                None => rejected = true,
            },
            candidate = reservation.candidate(), if ended.is_none() => match candidate {
                Ok(stream) => match Verification::new(stream, &verify) {
                    Ok(verification) => verifications.add(verification),
                    Err(error) => debug!("cannot verify a connection: {error}"),
                },
                Err(why) => ended = Some(why),
            },
        }
    }
}

/// Verifies one connection.
pub(super) async fn one<T, E: Display, V>(
    stream: TcpStream,
    verify: impl Fn(TcpStream) -> V,
) -> Option<T>
where
    V: Future<Output = Result<T, E>>,
{
    let mut verification = Verification::new(stream, &verify).ok()?;
    poll_fn(|context| verification.poll(context)).await
}

/// The verifications that are under way, the oldest first.
struct Verifications<V> {
    running: VecDeque<Verification<V>>,
}

impl<T, E: Display, V: Future<Output = Result<T, E>>> Verifications<V> {
    fn add(&mut self, verification: Verification<V>) {
        if self.running.len() == MAX_VERIFYING {
            self.running.pop_front();
        }
        self.running.push_back(verification);
    }

    /// Waits for the end of any: what it was verified to be, or `None` if it was rejected.
    async fn next(&mut self) -> Option<T> {
        poll_fn(|context| {
            for place in 0..self.running.len() {
                if let Poll::Ready(ended) = self.running[place].poll(context) {
                    self.running.remove(place);
                    return Poll::Ready(ended);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// One connection that is being verified. Unless it passes, it is reset when this is dropped.
struct Verification<V> {
    result: Pin<Box<Timeout<V>>>,
    /// A second descriptor of the connection: `verify` has taken the first.
    connection: Socket,
}

impl<T, E: Display, V: Future<Output = Result<T, E>>> Verification<V> {
    fn new(stream: TcpStream, verify: impl Fn(TcpStream) -> V) -> io::Result<Self> {
        stream.set_zero_linger()?;
        let connection = SockRef::from(&stream).try_clone()?;
        Ok(Self { result: Box::pin(timeout(VERIFY_TIMEOUT, verify(stream))), connection })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.result.as_mut().poll(context).map(|ended| match ended {
            // From here on closing must not lose what was sent.
            Ok(Ok(verified)) => self.connection.set_linger(None).ok().map(|()| verified),
            Ok(Err(error)) => {
                debug!("a data connection was rejected: {error}");
                None
            }
            Err(_) => {
                debug!("a data connection was rejected: it took too long to verify");
                None
            }
        })
    }
}
