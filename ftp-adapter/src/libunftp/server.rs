//! The server: accepts control connections and serves each with a libunftp of its own.

use super::accept::accept;
use super::admission::{Admission, Admitted, Limits};
use super::binder::MuxBinder;
use super::events::{Events, NoEvents, SessionEnd, SessionOver, SessionRefused};
use super::host::passive_host;
use super::session::Session;
use super::shared::Shared;
use super::tls::Tls;
use super::tracked::Tracked;
use super::transfers::Transfers;
use super::watch;
use crate::passive::{Advertised, SessionAddresses};
use ::libunftp::options::FtpsRequired;
use ::libunftp::{ServerBuilder, ServerError};
use mux_core::{Client, Mux};
use socket2::SockRef;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
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

/// Makes a session's storage back-end, as [`ServerBuilder`] wants it.
pub type StorageGenerator<S> = Box<dyn Fn() -> S + Send + Sync>;

type MakeBuilder<S, U> =
    dyn Fn(StorageGenerator<Tracked<S>>) -> ServerBuilder<Tracked<S>, U> + Send + Sync;

/// An FTP server that answers `PASV` and `EPSV` with the ports of a [`Mux`].
///
/// libunftp does the FTP; this accepts the control connections, gives each session a
/// [`MuxBinder`] for its client, ends the session's lease with the session, and drains.
pub struct MuxServer<S, U>
where
    S: StorageBackend<U>,
    U: UserDetail,
{
    mux: Mux,
    storage: Arc<dyn Fn() -> S + Send + Sync>,
    builder: Box<MakeBuilder<S, U>>,
    passive_host: Advertised,
    tls: Option<Tls>,
    drain_timeout: Duration,
    farewell: bool,
    sessions: Limits,
    limits: watch::Limits,
    events: Arc<dyn Events>,
}

impl<S, U> MuxServer<S, U>
where
    S: StorageBackend<U> + 'static,
    S::Metadata: Metadata,
    U: UserDetail + 'static,
{
    /// A server on `mux`, which must have been built with steering.
    ///
    /// `storage` makes the storage back-end of one session. `builder` is called for each session
    /// and sets libunftp up as it likes: authenticator, greeting, timeouts, TLS. Let it only
    /// clone what sessions share. The binder and the passive host are set afterwards and are not
    /// its business, and the options that concern libunftp's own listeners have no effect.
    ///
    /// # Errors
    ///
    /// Where `builder` configures something that libunftp refuses, such as unreadable
    /// certificates.
    pub fn new(
        mux: Mux,
        storage: impl Fn() -> S + Send + Sync + 'static,
        builder: impl Fn(StorageGenerator<Tracked<S>>) -> ServerBuilder<Tracked<S>, U>
        + Send
        + Sync
        + 'static,
    ) -> Result<Self, ServerError> {
        let server = Self {
            mux,
            storage: Arc::new(storage),
            builder: Box::new(builder),
            passive_host: Advertised::default(),
            tls: None,
            drain_timeout: Duration::from_secs(30),
            farewell: true,
            sessions: Limits::NONE,
            limits: watch::Limits {
                login: Duration::from_secs(60),
                idle: None,
                command: LONGEST_COMMAND,
            },
            events: Arc::new(NoEvents),
        };
        let nobody = Client::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let transfers = Transfers::new(CancellationToken::new());
        let shared = Shared::new(nobody, transfers, None, Arc::clone(&server.events));
        server.libunftp(&Arc::new(shared)).build()?;
        Ok(server)
    }

    /// The address that `PASV` replies name; by default the control connection's own. Where a
    /// [`resolver`](Advertised::resolver) fails, it is the control connection's own too: libunftp
    /// cannot refuse for that reason.
    #[must_use]
    pub fn passive_host(mut self, host: Advertised) -> Self {
        self.passive_host = host;
        self
    }

    /// Offers TLS on control and data connections; without this there is none, unless the builder
    /// sets it up.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How long transfers may go on after the shutdown was asked for; 30 s by default.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Whether a drained session is told `421 Service shutting down.`; on by default. A session in
    /// TLS is ended without a word, because the line would be plain text in its stream. Switch it
    /// off where the builder sets up TLS, which is not seen here.
    #[must_use]
    pub fn farewell(mut self, on: bool) -> Self {
        self.farewell = on;
        self
    }

    /// How many sessions there may be; no limit by default. Further control connections are told
    /// 421 and closed.
    #[must_use]
    pub fn max_sessions(mut self, most: NonZeroUsize) -> Self {
        self.sessions.overall = most;
        self
    }

    /// How many sessions there may be from one [`Origin`](super::Origin); no limit by default.
    #[must_use]
    pub fn max_sessions_per_client(mut self, most: NonZeroUsize) -> Self {
        self.sessions.per_origin = most;
        self
    }

    /// How long a client may take to log in, TLS handshake and wrong passwords included; 60 s by
    /// default. Then the session is told 421 and ended.
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

    /// Who is told what happens; nobody by default.
    #[must_use]
    pub fn events(mut self, events: Arc<dyn Events>) -> Self {
        self.events = events;
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

        let admission = Admission::new(server.sessions);
        let mut accepting = JoinSet::new();
        for listener in listeners {
            let (server, sessions) = (Arc::clone(&server), sessions.clone());
            let (stop, cut) = (shutdown.clone(), cut.clone());
            let mux = server.mux.clone();
            let admission = admission.clone();
            let serve = move |stream, peer: SocketAddr| {
                let client = Client::from(peer);
                match admission.admit(client.into()) {
                    Ok(admitted) => {
                        let server = Arc::clone(&server);
                        let (stop, cut) = (stop.clone(), cut.clone());
                        sessions.spawn(server.session(stream, peer, admitted, stop, cut));
                    }
                    Err(why) => {
                        debug!(%client, "session refused: {why:?}");
                        turn_away(&stream, why);
                        server.events.session_refused(client, why);
                    }
                }
            };
            accepting.spawn(accept(listener, shutdown.clone(), serve, move || mux.relieve()));
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
        _admitted: Admitted,
        stop: CancellationToken,
        cut: CancellationToken,
    ) {
        let (client, events, started) =
            (Client::from(peer), Arc::clone(&self.events), Instant::now());
        events.session_begun(client);
        debug!(%peer, "session begins");
        let mut shared = None;
        let end = match self.begin(stream, peer, &cut) {
            Ok(session) => {
                shared = Some(Arc::clone(&session.shared));
                tokio::select! {
                    biased;
                    ended = session.run(stop) => ended.map_err(|error| error.to_string()),
                    () = cut.cancelled() => Ok(SessionEnd::Cut),
                }
            }
            Err(error) => Err(error),
        };
        match &end {
            Ok(end) => debug!(%peer, ?end, "session over"),
            Err(error) => debug!(%peer, "session not served: {error}"),
        }
        let user = shared.as_ref().and_then(|shared| shared.user());
        let (took, end) = (started.elapsed(), end.unwrap_or(SessionEnd::Failed));
        events.session_over(&SessionOver { client, user, took, end });
    }

    /// A libunftp for one control connection, and what surrounds it.
    fn begin(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        cut: &CancellationToken,
    ) -> Result<Session<S, U>, String> {
        let local = stream.local_addr().map_err(|error| error.to_string())?;
        let host = passive_host(&self.passive_host, &SessionAddresses::new(peer, local));
        let client = Client::from(peer);
        let tls = self.tls.as_ref().map(|tls| tls.session(client)).transpose();
        let (config, tls) = tls.map_err(|error| error.to_string())?.unzip();
        let transfers = Transfers::new(cut.clone());
        let shared = Arc::new(Shared::new(client, transfers, tls, Arc::clone(&self.events)));
        let (binder, lease) = MuxBinder::new(self.mux.clone(), peer);
        let mut builder = self.libunftp(&shared).binder(binder.with_tls(shared.tls.clone()));
        if let Some(config) = config {
            builder = builder.ftps_manual::<PathBuf>(config);
        }
        let server = builder.passive_host(host).build().map_err(|error| {
            warn!(%peer, "cannot serve a session: {error}");
            error.to_string()
        })?;
        let (limits, farewell) = (self.limits, self.farewell);
        Ok(Session { stream, server, shared, limits, lease: Some(lease), farewell })
    }

    fn libunftp(&self, shared: &Arc<Shared>) -> ServerBuilder<Tracked<S>, U> {
        let (storage, shared) = (Arc::clone(&self.storage), Arc::clone(shared));
        let mut builder =
            (self.builder)(Box::new(move || Tracked::new(storage(), Arc::clone(&shared))));
        if let Some(timeout) = self.limits.idle {
            builder = builder.idle_session_timeout(timeout.as_secs().max(1));
        }
        if self.tls.as_ref().is_some_and(Tls::is_required) {
            builder = builder.ftps_required(FtpsRequired::All, FtpsRequired::All);
        }
        builder
    }
}

/// Tells a client that it gets no session.
fn turn_away(stream: &TcpStream, why: SessionRefused) {
    let line: &[u8] = match why {
        SessionRefused::TooMany => b"421 Too many sessions, try again later.\r\n",
        SessionRefused::TooManyOfClient => {
            b"421 Too many sessions from your address, try again later.\r\n"
        }
    };
    // A new connection has room for it. Whoever has gone already does not miss it.
    let _ = SockRef::from(stream).send(line);
}

impl<S, U> fmt::Debug for MuxServer<S, U>
where
    S: StorageBackend<U>,
    U: UserDetail,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MuxServer")
            .field("mux", &self.mux)
            .field("passive_host", &self.passive_host)
            .field("tls", &self.tls)
            .field("drain_timeout", &self.drain_timeout)
            .field("farewell", &self.farewell)
            .finish_non_exhaustive()
    }
}
