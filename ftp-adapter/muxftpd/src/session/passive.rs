//! Asking for a data connection: `PASV`, `EPSV`, `PORT`, `EPRT`, and `ABOR` of one.
//!
//! All rules of passive mode are those of [`PassiveSession`].

use crate::observe::events::{Named, PassiveRefused, SessionEnd};
use crate::observe::journal::Journal;
use crate::session::control::Interrupt;
use crate::session::interrupt::unless_interrupted;
use crate::session::reply::Reply;
use crate::session::transfer::protect::{Announced, Refusals, verifier};
use crate::session::{Next, Session, Step};
use crate::tls;
use ftp_adapter::PassiveSession;
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// How long a refused transfer's connection stays, for its client to read the reply first.
const LINGER: Duration = Duration::from_secs(2);

/// The data connection of the session's next transfer.
#[derive(Debug)]
pub(super) struct PassiveMode {
    pub(super) mode: PassiveSession<TlsStream<TcpStream>>,
    /// What the last reply named.
    pub(super) named: Option<Named>,
    /// Why connections were refused that came for the reservation.
    pub(super) refusals: Refusals,
    /// What the reservation turned out to be for.
    pub(super) announced: Announced,
    /// The connections of a transfer that was refused.
    refused: JoinSet<()>,
}

impl PassiveMode {
    pub(super) fn new(mode: PassiveSession) -> Self {
        Self {
            mode: mode.verified_as(),
            named: None,
            refusals: Refusals::default(),
            announced: Announced::default(),
            refused: JoinSet::new(),
        }
    }

    /// Has the next reservation be for the connection that resumes the TLS session of the control
    /// connection, and not just for any, where `tls` insists on it.
    fn insist_on(&mut self, tls: Option<&tls::Session>, journal: &Journal) {
        self.refusals = Refusals::default();
        self.announced = Announced::default();
        let required = tls.filter(|tls| tls.verifies());
        let verifier = required.map(|tls| verifier(tls, journal, &self.refusals, &self.announced));
        self.mode.verify_connections(verifier);
    }

    /// Ends the reservation of a transfer that was refused. If the client has connected already,
    /// it may be in its handshake, and would take a reset for its answer. So the connection stays
    /// until the client closes it, says something else, or for [`LINGER`]. A plain one has its end
    /// at once.
    pub(super) async fn refuse(&mut self, is_plain: bool) {
        for stream in self.mode.take_connections().await {
            if is_plain {
                let _ = SockRef::from(&stream).shutdown(Shutdown::Write);
            }
            self.refused.spawn(async {
                let _ = timeout(LINGER, discard(stream)).await;
            });
        }
    }

    /// Lets the connections of a refused transfer go: the client has read the reply.
    pub(super) fn let_go(&mut self) {
        if !self.refused.is_empty() {
            self.refused = JoinSet::new();
        }
    }
}

/// Reads and forgets, so that nothing unread makes the end a reset.
async fn discard(mut stream: TcpStream) -> io::Result<u64> {
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
}

impl Session {
    pub(super) async fn pasv(&mut self) -> Step {
        self.reserve("PASV", None).await
    }

    pub(super) async fn epsv(&mut self, argument: &[u8]) -> Step {
        let argument = String::from_utf8_lossy(argument).into_owned();
        self.reserve("EPSV", Some(&argument)).await
    }

    async fn reserve(&mut self, command: &'static str, argument: Option<&str>) -> Step {
        self.passive.insist_on(self.security.of_data(), &self.shared.journal);
        let mode = &mut self.passive.mode;
        let answer = async {
            match argument {
                Some(argument) => mode.epsv(argument).await,
                None => mode.pasv().await,
            }
        };
        let stop = &self.shutdown.drain;
        let status = || Reply::new(211, "A port is being waited for.");
        let reply = match unless_interrupted(&mut self.control, stop, status, answer).await {
            Ok(reply) => reply,
            Err(interrupt) => return self.interrupted(interrupt, 425, "Aborted.").await,
        };
        if let Some(named) = Named::in_reply(&reply) {
            self.passive.named = Some(named);
        }
        if reply.code() == 425 {
            let (client, user) = (self.client, self.identity.user_name());
            let refused = PassiveRefused { client, user, command, reply: &reply };
            self.shared.journal.passive_refused(&refused);
        }
        self.passive_answer(&reply).await
    }

    pub(super) async fn active_mode(&mut self) -> Step {
        match self.passive.mode.active_mode() {
            Ok(()) => {
                let why = "Active mode is not served, use PASV or EPSV.";
                self.answer(Reply::new(502, why)).await
            }
            Err(reply) => self.passive_answer(&reply).await,
        }
    }

    /// `ABOR` when nothing goes on: what was asked for is given up.
    pub(super) fn abort_nothing(&mut self) -> Reply {
        self.passive.mode.end_reservation();
        Reply::new(226, "There is no transfer.")
    }

    pub(super) async fn passive_answer(&mut self, reply: &ftp_adapter::Reply) -> Step {
        self.control.reply(&reply.into()).await?;
        Ok(if reply.closes() { Next::Close(SessionEnd::Drained) } else { Next::Command })
    }

    /// Ends a command that was interrupted: with its own reply, and then that to `ABOR`.
    pub(super) async fn interrupted(
        &mut self,
        interrupt: Interrupt,
        code: u16,
        text: &str,
    ) -> Step {
        self.passive.mode.end_reservation();
        match interrupt {
            Interrupt::Gone => Ok(Next::Gone),
            Interrupt::ShuttingDown if self.shutdown.cut.is_cancelled() => {
                self.end(421, "Service shutting down.", SessionEnd::Cut).await
            }
            Interrupt::ShuttingDown => self.drained().await,
            Interrupt::Abort | Interrupt::Status => {
                self.control.reply(&Reply::new(code, text)).await?;
                self.answer(Reply::new(226, "Aborted as you wished.")).await
            }
        }
    }
}
