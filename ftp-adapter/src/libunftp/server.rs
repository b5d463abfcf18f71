//! The server: accepts control connections and serves each with a libunftp of its own.

use super::accept::accept;
use super::binder::MuxBinder;
use super::host::passive_host;
use super::session::Session;
use super::tls::{SessionTls, Tls};
use super::tracked::Tracked;
use super::transfers::Transfers;
use crate::passive::{Advertised, SessionAddresses};
use ::libunftp::options::FtpsRequired;
use ::libunftp::{ServerBuilder, ServerError};
use mux_core::{Client, Mux};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use unftp_core::auth::UserDetail;
use unftp_core::storage::{Metadata, StorageBackend};

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
        };
        server.libunftp(&Arc::new(Transfers::new(CancellationToken::new())), None).build()?;
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
            let mux = server.mux.clone();
            let serve = move |stream, peer| {
                let session = Arc::clone(&server).session(stream, peer, stop.clone(), cut.clone());
                sessions.spawn(session);
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
        stop: CancellationToken,
        cut: CancellationToken,
    ) {
        let local = match stream.local_addr() {
            Ok(local) => local,
            Err(error) => return debug!(%peer, "session not served: {error}"),
        };
        let host = passive_host(&self.passive_host, &SessionAddresses::new(peer, local));
        let transfers = Arc::new(Transfers::new(cut.clone()));
        let (binder, lease) = MuxBinder::new(self.mux.clone(), peer);
        let tls = match self.tls.as_ref().map(|tls| tls.session(Client::from(peer))).transpose() {
            Ok(tls) => tls,
            Err(error) => return warn!(%peer, "cannot serve a session: {error}"),
        };
        let (config, tls) = tls.unzip();
        let mut builder = self.libunftp(&transfers, tls.clone());
        if let Some(config) = config {
            builder = builder.ftps_manual::<PathBuf>(config);
        }
        let builder = builder.binder(binder.with_tls(tls.clone()));
        let server = match builder.passive_host(host).build() {
            Ok(server) => server,
            Err(error) => return warn!(%peer, "cannot serve a session: {error}"),
        };
        debug!(%peer, "session begins");
        let farewell = self.farewell;
        drop(self);
        let session = Session { stream, server, transfers, lease: Some(lease), tls, farewell };
        tokio::select! {
            biased;
            ended = session.run(stop) => match ended {
                Ok(()) => debug!(%peer, "session over"),
                Err(error) => debug!(%peer, "session not served: {error}"),
            },
            () = cut.cancelled() => debug!(%peer, "session cut"),
        }
    }

    fn libunftp(
        &self,
        transfers: &Arc<Transfers>,
        tls: Option<Arc<SessionTls>>,
    ) -> ServerBuilder<Tracked<S>, U> {
        let (storage, transfers) = (Arc::clone(&self.storage), Arc::clone(transfers));
        let builder = (self.builder)(Box::new(move || {
            Tracked::new(storage(), Arc::clone(&transfers), tls.clone())
        }));
        match &self.tls {
            Some(tls) if tls.is_required() => {
                builder.ftps_required(FtpsRequired::All, FtpsRequired::All)
            }
            _ => builder,
        }
    }
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
