//! Asking for a data connection: `PASV`, `EPSV`, `PORT`, `EPRT`, and `ABOR` of one.
//!
//! All rules of passive mode are those of [`PassiveSession`].

use crate::observe::events::{Named, PassiveRefused, SessionEnd};
use crate::session::control::Interrupt;
use crate::session::interrupt::unless_interrupted;
use crate::session::reply::Reply;
use crate::session::{Next, Session, Step};
use ftp_adapter::PassiveSession;
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long a refused transfer's connection stays, for its client to read the reply first.
const LINGER: Duration = Duration::from_secs(2);

/// The data connection of the session's next transfer.
#[derive(Debug)]
pub(super) struct PassiveMode {
    pub(super) mode: PassiveSession,
    /// What the last reply named.
    pub(super) named: Option<Named>,
    /// The connection of a transfer that was refused.
    refused: Option<AbortHandle>,
}

impl PassiveMode {
    pub(super) fn new(mode: PassiveSession) -> Self {
        Self { mode, named: None, refused: None }
    }

    /// Ends the reservation of a transfer that was refused. If the client has connected already,
    /// it may be in its handshake, and would take a reset for its answer. So the connection stays
    /// until the client closes it, says something else, or for [`LINGER`]. A plain one has its end
    /// at once.
    pub(super) fn refuse(&mut self, is_plain: bool) {
        let Some(stream) = self.mode.take_connection() else { return };
        if is_plain {
            let _ = SockRef::from(&stream).shutdown(Shutdown::Write);
        }
        let lingering = tokio::spawn(timeout(LINGER, discard(stream)));
        if let Some(before) = self.refused.replace(lingering.abort_handle()) {
            before.abort();
        }
    }

    /// Lets the connection of a refused transfer go: the client has read the reply.
    pub(super) fn let_go(&mut self) {
        if let Some(refused) = self.refused.take() {
            refused.abort();
        }
    }
}

impl Drop for PassiveMode {
    fn drop(&mut self) {
        self.let_go();
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
        // The connection that resumes this session's TLS session is awaited, and not just any.
        self.passive.mode.verify_connections(self.security.verifies());
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
