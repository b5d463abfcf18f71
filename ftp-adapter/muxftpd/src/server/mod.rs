//! Accepting control connections, a session for each, and draining them at the end.

mod admission;
mod proxied;

use crate::observe::events::SessionRefused;
use crate::session::Session;
use crate::session::shared::{Shared, Shutdown};
use admission::{Admission, Admitted};
use ftp_adapter::{ControlListener, SessionAddresses};
use mux_core::Client;
use mux_core::proxy::Networks;
use proxied::{Passed, Proxies};
use socket2::SockRef;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

/// How long sessions that are cut have for their last reply.
const LAST_REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// A server: what its sessions share, and how many there may be.
#[derive(Debug)]
pub struct Server {
    pub shared: Arc<Shared>,
    /// How long transfers may go on after the shutdown was asked for.
    pub drain_timeout: Duration,
    pub max_sessions: NonZeroUsize,
    pub max_sessions_per_client: NonZeroUsize,
    /// Whose control connections begin with a PROXY header.
    pub proxies: Networks,
}

/// Where control connections are accepted.
#[derive(Debug)]
pub struct Listener {
    pub listener: TcpListener,
    /// Whether TLS begins at once, and not with `AUTH`.
    pub implicit_tls: bool,
}

impl Server {
    /// Serves until `shutdown` is cancelled, then drains: nothing is accepted any more, sessions
    /// without a transfer are told 421, those with one may finish it within the drain timeout.
    /// What is left then is cut. Returns how many sessions were cut.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, sessions go on by themselves.
    pub async fn serve(
        self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: CancellationToken,
    ) -> usize {
        let sessions = TaskTracker::new();
        let stop = Shutdown { drain: shutdown.clone(), ..Shutdown::default() };
        let admission = Admission::new(self.max_sessions, self.max_sessions_per_client);
        let proxies = Proxies::new(self.proxies);
        let mut accepting = JoinSet::new();
        for Listener { listener, implicit_tls } in listeners {
            let door = Door {
                shared: Arc::clone(&self.shared),
                admission: admission.clone(),
                sessions: sessions.clone(),
                proxies: proxies.clone(),
                stop: stop.clone(),
                implicit_tls,
            };
            let mux = self.shared.passive.mux().clone();
            let mut listener = ControlListener::new(listener, mux);
            let accept = async move {
                loop {
                    let (stream, peer) = listener.accept().await;
                    door.open(stream, peer);
                }
            };
            accepting.spawn(shutdown.clone().run_until_cancelled_owned(accept));
        }
        shutdown.cancelled().await;
        // With them go the listeners.
        while accepting.join_next().await.is_some() {}

        sessions.close();
        if timeout(self.drain_timeout, sessions.wait()).await.is_ok() {
            return 0;
        }
        let left = sessions.len();
        stop.cut.cancel();
        if timeout(LAST_REPLY_TIMEOUT, sessions.wait()).await.is_err() {
            stop.kill.cancel();
            sessions.wait().await;
        }
        left
    }
}

/// Where control connections come in.
#[derive(Clone)]
struct Door {
    shared: Arc<Shared>,
    admission: Admission,
    sessions: TaskTracker,
    proxies: Proxies,
    stop: Shutdown,
    implicit_tls: bool,
}

impl Door {
    /// Begins a session, at once or as soon as a proxy has said whose it is.
    fn open(&self, stream: TcpStream, peer: SocketAddr) {
        if self.proxies.contain(peer.ip()) {
            let task = self.sessions.spawn(self.clone().let_in_passed(stream, peer));
            self.proxies.waits(task.abort_handle());
        } else if let Ok(local) = stream.local_addr() {
            self.let_in(stream, SessionAddresses::new(peer, local));
        }
    }

    /// Begins a session, unless there are too many.
    fn let_in(&self, stream: TcpStream, ends: SessionAddresses) {
        let client = Client::from(ends.peer);
        match self.admission.admit(client) {
            Ok(admitted) => {
                let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
                let session = Session::serve(shared, stream, ends, self.implicit_tls, stop);
                let session = self.stop.kill.clone().run_until_cancelled_owned(session);
                self.sessions.spawn(counted(admitted, session));
            }
            Err(why) => {
                debug!(%client, "session refused: {why:?}");
                turn_away(&stream, why, self.implicit_tls);
                self.shared.journal.session_refused(client, why);
            }
        }
    }

    /// Begins a session once a proxy has said whose it is.
    async fn let_in_passed(self, stream: TcpStream, peer: SocketAddr) {
        let passed = tokio::select! {
            biased;
            () = self.stop.drain.cancelled() => return,
            passed = proxied::passed(&stream, peer) => passed,
        };
        match passed {
            Passed::On(ends) => self.let_in(stream, ends),
            Passed::Nobody => {}
            Passed::Not(why) => self.shared.journal.session_refused(peer.into(), why),
        }
    }
}

/// A session that counts as long as it goes on.
async fn counted(_admitted: Admitted, session: impl Future) {
    session.await;
}

/// Tells a client that it gets no session.
fn turn_away(stream: &TcpStream, why: SessionRefused, implicit_tls: bool) {
    let line: &[u8] = match why {
        _ if implicit_tls => return,
        SessionRefused::TooManyOfClient => {
            b"421 Too many sessions from your address, try again later.\r\n"
        }
        _ => b"421 Too many sessions, try again later.\r\n",
    };
    // A new connection has room for it. A client that has gone already does not miss it.
    let _ = SockRef::from(stream).send(line);
}
