//! Accepting control connections, a session for each, and draining them at the end.

mod accept;
mod admission;
mod proxied;

use crate::auth::login::Login;
use crate::observe::events::SessionRefused;
use crate::observe::journal::Journal;
use crate::session::Session;
use crate::storage::Storage;
use crate::tls::Tls;
use admission::{Admission, Admitted};
use ftp_adapter::{Passive, SessionAddresses};
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

/// What all sessions share.
#[derive(Debug)]
pub struct Server {
    pub storage: Storage,
    pub login: Login,
    pub passive: Passive,
    pub tls: Option<Arc<Tls>>,
    pub journal: Journal,
    pub settings: Settings,
}

/// How sessions are served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The text of the 220.
    pub greeting: String,
    /// Whether logins and data connections need TLS.
    pub tls_required: bool,
    /// Whether an end of TLS must come before that of a data connection.
    pub strict_close: bool,
    /// Whether `TYPE A` converts line ends.
    pub ascii: bool,
    pub login_timeout: Duration,
    /// How long a session may be silent.
    pub idle_timeout: Duration,
    /// How long a data connection may stand still.
    pub stall_timeout: Duration,
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

/// How the server tells a session to end.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// Nothing new is begun.
    pub drain: CancellationToken,
    /// Nothing goes on.
    pub cut: CancellationToken,
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
        self: Arc<Self>,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: CancellationToken,
    ) -> usize {
        let sessions = TaskTracker::new();
        let stop = Shutdown { drain: shutdown.clone(), cut: CancellationToken::new() };
        // For those who do not take their last reply.
        let kill = CancellationToken::new();
        let admission =
            Admission::new(self.settings.max_sessions, self.settings.max_sessions_per_client);
        let proxies = Proxies::new(self.settings.proxies.clone());
        let mut accepting = JoinSet::new();
        for Listener { listener, implicit_tls } in listeners {
            let door = Door {
                server: Arc::clone(&self),
                admission: admission.clone(),
                sessions: sessions.clone(),
                stop: stop.clone(),
                kill: kill.clone(),
                implicit_tls,
            };
            let proxies = proxies.clone();
            let serve = move |stream: TcpStream, peer: SocketAddr| {
                if proxies.contain(peer.ip()) {
                    let task = door.sessions.spawn(door.clone().let_in_passed(stream, peer));
                    proxies.waits(task.abort_handle());
                } else if let Ok(local) = stream.local_addr() {
                    door.let_in(stream, SessionAddresses::new(peer, local));
                }
            };
            accepting.spawn(accept::accept(listener, shutdown.clone(), serve));
        }
        shutdown.cancelled().await;
        // With them go the listeners.
        while accepting.join_next().await.is_some() {}

        sessions.close();
        if timeout(self.settings.drain_timeout, sessions.wait()).await.is_ok() {
            return 0;
        }
        let left = sessions.len();
        stop.cut.cancel();
        if timeout(LAST_REPLY_TIMEOUT, sessions.wait()).await.is_err() {
            kill.cancel();
            sessions.wait().await;
        }
        left
    }
}

/// Where control connections come in.
#[derive(Clone)]
struct Door {
    server: Arc<Server>,
    admission: Admission,
    sessions: TaskTracker,
    stop: Shutdown,
    kill: CancellationToken,
    implicit_tls: bool,
}

impl Door {
    /// Begins a session, unless there are too many.
    fn let_in(&self, stream: TcpStream, ends: SessionAddresses) {
        let client = Client::from(ends.peer);
        match self.admission.admit(client) {
            Ok(admitted) => {
                let (server, stop) = (Arc::clone(&self.server), self.stop.clone());
                let session = Session::serve(server, stream, ends, self.implicit_tls, stop);
                let session = self.kill.clone().run_until_cancelled_owned(session);
                self.sessions.spawn(counted(admitted, session));
            }
            Err(why) => {
                debug!(%client, "session refused: {why:?}");
                turn_away(&stream, why, self.implicit_tls);
                self.server.journal.session_refused(client, why);
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
            Passed::Not(why) => self.server.journal.session_refused(peer.into(), why),
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
    // A new connection has room for it. Whoever has gone already does not miss it.
    let _ = SockRef::from(stream).send(line);
}
