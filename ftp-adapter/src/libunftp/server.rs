//! The server: accepts control connections and serves each with a libunftp of its own.

use super::binder::MuxBinder;
use super::data_connections;
use super::presence::{Listener, Presence};
use super::session;
use super::watch;
use crate::control::ControlListener;
use crate::passive::{Advertised, SessionAddresses};
use ::libunftp::notification::PresenceListener;
use ::libunftp::options::PassiveHost;
use ::libunftp::{Server, ServerBuilder, ServerError};
use mux_core::Mux;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use unftp_core::auth::UserDetail;
use unftp_core::storage::{Metadata, StorageBackend};

/// Commands are not longer than a path and some.
const LONGEST_COMMAND: u64 = 64 * 1024;

type MakeBuilder<S, U> = dyn Fn() -> ServerBuilder<S, U> + Send + Sync;

/// An FTP server that answers `PASV` and `EPSV` with the ports of a [`Mux`].
///
/// libunftp does the FTP; this accepts the control connections, gives each session a
/// [`MuxBinder`] for its client, ends the session's lease with the session, bounds what libunftp
/// does not, and drains.
pub struct MuxServer<S, U>
where
    S: StorageBackend<U>,
    U: UserDetail,
{
    mux: Mux,
    builder: Box<MakeBuilder<S, U>>,
    passive_host: Advertised,
    presence: Option<Listener>,
    drain_timeout: Duration,
    farewell: bool,
    limits: watch::SessionLimits,
    /// When sessions were cut, so that all of them share a look at their connections.
    cut_at: OnceLock<Instant>,
}

impl<S, U> MuxServer<S, U>
where
    S: StorageBackend<U> + 'static,
    S::Metadata: Metadata,
    U: UserDetail + 'static,
{
    /// A server on `mux`, which must have been built with steering, and not with
    /// `Builder::proxied_by`: the kernel steers by the address that packets come from, a proxy's.
    ///
    /// `builder` is called for each session and sets libunftp up as it likes: storage,
    /// authenticator, greeting, timeouts, TLS. Let it only clone what sessions share. The binder,
    /// the passive host and the presence listener are set afterwards, and the options that concern
    /// libunftp's own listeners have no effect.
    ///
    /// # Errors
    ///
    /// Where `builder` configures something that libunftp refuses, such as unreadable
    /// certificates.
    pub fn new(
        mux: Mux,
        builder: impl Fn() -> ServerBuilder<S, U> + Send + Sync + 'static,
    ) -> Result<Self, ServerError> {
        builder().build()?;
        Ok(Self {
            mux,
            builder: Box::new(builder),
            passive_host: Advertised::default(),
            presence: None,
            drain_timeout: Duration::from_secs(30),
            farewell: true,
            limits: watch::SessionLimits {
                login: Duration::from_secs(60),
                idle: None,
                command: LONGEST_COMMAND,
            },
            cut_at: OnceLock::new(),
        })
    }

    /// The address that `PASV` replies name; by default the control connection's own. Where a
    /// [`resolver`](Advertised::resolver) fails, it is the control connection's own too: libunftp
    /// cannot refuse for that reason.
    #[must_use]
    pub fn passive_host(mut self, host: Advertised) -> Self {
        self.passive_host = host;
        self
    }

    /// Who is told of logins and logouts; nobody by default. A listener that the builder is given
    /// is told nothing.
    #[must_use]
    pub fn notify_presence(mut self, listener: impl PresenceListener + 'static) -> Self {
        self.presence = Some(Arc::new(listener));
        self
    }

    /// How long transfers may go on after the shutdown was asked for; 30 s by default.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Whether a session is told 421 when it is drained or has exceeded a limit; on by default.
    /// Switch it off where the builder sets up TLS: the line would be plain text in its stream.
    #[must_use]
    pub fn farewell(mut self, on: bool) -> Self {
        self.farewell = on;
        self
    }

    /// How long a client may take to log in, TLS handshake and wrong passwords included; 60 s by
    /// default. Then the session is ended.
    #[must_use]
    pub fn login_timeout(mut self, timeout: Duration) -> Self {
        self.limits.login = timeout;
        self
    }

    /// How long a session may be silent, in whole seconds; by default what the builder says. Set
    /// here, it also holds where libunftp does not notice.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle = Some(timeout);
        self
    }

    /// Serves the control connections of `listeners` until `shutdown` is cancelled, then drains:
    /// nothing is accepted any more, sessions without a transfer are ended, those with one may
    /// finish it within the drain timeout, and what is left then is cut. Returns how many
    /// sessions were cut.
    ///
    /// IPv4 clients must come through IPv4 listeners: make IPv6 listeners IPv6-only.
    ///
    /// Cancel safety: when dropped, all sessions are cut.
    pub async fn serve(
        self,
        listeners: impl IntoIterator<Item = TcpListener>,
        shutdown: CancellationToken,
    ) -> usize {
        let drain_timeout = self.drain_timeout;
        let server = Arc::new(self);
        let sessions = TaskTracker::new();
        let cut = CancellationToken::new();
        let _cut_when_dropped = cut.clone().drop_guard();

        let mut accepting = JoinSet::new();
        for listener in listeners {
            let (server, sessions) = (Arc::clone(&server), sessions.clone());
            let (stop, cut) = (shutdown.clone(), cut.clone());
            let mut listener = ControlListener::new(listener, server.mux.clone());
            let accept = async move {
                loop {
                    let (stream, peer) = listener.accept().await;
                    let (stop, cut) = (stop.clone(), cut.clone());
                    sessions.spawn(Arc::clone(&server).session(stream, peer, stop, cut));
                }
            };
            accepting.spawn(shutdown.clone().run_until_cancelled_owned(accept));
        }
        shutdown.cancelled().await;
        while accepting.join_next().await.is_some() {}

        sessions.close();
        if timeout(drain_timeout, sessions.wait()).await.is_ok() {
            return 0;
        }
        let left = sessions.len();
        cut.cancel();
        sessions.wait().await;
        left
    }

    async fn session(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        stop: CancellationToken,
        cut: CancellationToken,
    ) {
        debug!(%peer, "session begins");
        let (binder, lease) = MuxBinder::new(self.mux.clone(), peer);
        let (owner, presence) = (lease.session(), Presence::new(self.presence.clone()));
        let server = match self.libunftp(&stream, peer, binder, presence.clone()) {
            Ok(server) => server,
            Err(error) => return warn!(%peer, "cannot serve a session: {error}"),
        };
        let (limits, farewell) = (self.limits, self.farewell);
        tokio::select! {
            biased;
            over = session::serve(stream, server, lease, presence, limits, farewell, stop) => {
                debug!(%peer, ?over, "session over");
            }
            () = cut.cancelled() => {
                data_connections::end(owner, *self.cut_at.get_or_init(Instant::now));
            }
        }
    }

    /// A libunftp for one control connection.
    fn libunftp(
        &self,
        stream: &TcpStream,
        peer: SocketAddr,
        binder: MuxBinder,
        presence: Presence,
    ) -> Result<Server<S, U>, Box<dyn Error>> {
        let addresses = SessionAddresses::new(peer, stream.local_addr()?);
        let host = self.passive_host.for_session(&addresses);
        let mut builder = (self.builder)()
            .binder(binder)
            .passive_host(host.map_or(PassiveHost::FromConnection, PassiveHost::Ip))
            .notify_presence(presence);
        if let Some(timeout) = self.limits.idle {
            builder = builder.idle_session_timeout(timeout.as_secs().max(1));
        }
        Ok(builder.build()?)
    }
}

impl<S, U> fmt::Debug for MuxServer<S, U>
where
    S: StorageBackend<U>,
    U: UserDetail,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MuxServer").field("mux", &self.mux).finish_non_exhaustive()
    }
}
