//! TLS in a session: `AUTH`, `PBSZ`, `PROT` and `CCC` (RFC 2228, RFC 4217).

use crate::observe::events::{Connection, Handshake};
use crate::session::reply::Reply;
use crate::session::{Next, Session, Step};
use crate::tls;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What protects the session.
#[derive(Debug, Default)]
pub(super) struct Security {
    /// The control connection's TLS.
    pub(super) tls: Option<tls::Session>,
    /// Whether `PBSZ` was said, which goes before `PROT`.
    buffer_size_is_set: bool,
    /// Whether data connections use TLS.
    protected: bool,
    /// Whether there was TLS from the first byte on.
    implicit: bool,
}

impl Security {
    /// The TLS of data connections; `None` if they are plain.
    pub(super) fn of_data(&self) -> Option<&tls::Session> {
        self.tls.as_ref().filter(|_| self.protected)
    }

    /// Whether data connections are looked at before one counts.
    pub(super) fn verifies(&self) -> bool {
        self.of_data().is_some_and(tls::Session::verifies)
    }

    /// Whether `REIN` ends TLS.
    pub(super) fn ends_with_rein(&self) -> bool {
        !self.implicit
    }
}

impl Session {
    pub(super) async fn auth(&mut self, mechanism: &[u8]) -> Step {
        let is = |known: &str| mechanism.eq_ignore_ascii_case(known.as_bytes());
        // Before RFC 4217, SSL meant that data connections are protected, too.
        let protects_data = is("SSL") || is("TLS-P");
        if self.shared.tls.is_none() {
            return self.answer(Reply::new(502, "There is no certificate for TLS.")).await;
        }
        if !(is("TLS") || is("TLS-C") || protects_data) {
            return self.answer(Reply::new(504, "Use AUTH TLS.")).await;
        }
        if self.control.is_protected() {
            return self.answer(Reply::new(503, "TLS has begun already.")).await;
        }
        if self.control.has_more() {
            // What was sent ahead, unprotected, must not be taken for something said in private.
            return self.answer(Reply::new(503, "Send nothing behind AUTH.")).await;
        }
        self.control.reply(&Reply::new(234, "Begin TLS.")).await?;
        self.begin_tls().await?;
        self.security.protected = protects_data;
        Ok(Next::Command)
    }

    /// Begins TLS before the greeting. Data connections use it, too, unless the client says
    /// otherwise.
    pub(super) async fn begin_implicit_tls(&mut self) -> io::Result<()> {
        self.begin_tls().await?;
        self.security.buffer_size_is_set = true;
        (self.security.protected, self.security.implicit) = (true, true);
        Ok(())
    }

    async fn begin_tls(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let Some(tls) = &shared.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        let left = self.identity.deadline().map_or(HANDSHAKE_TIMEOUT, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        let begun = self.control.protect(tls, left.min(HANDSHAKE_TIMEOUT)).await;
        let how = match &begun {
            Ok(_) => Handshake::Full,
            Err(_) => Handshake::Failed,
        };
        self.shared.journal.handshake(Connection::Control, how);
        self.security = Security { tls: Some(begun?), ..Security::default() };
        // As after REIN: nothing that was said before counts (RFC 4217, section 4).
        self.passive.mode.reinitialize();
        self.identity.forget();
        Ok(())
    }

    /// `PBSZ`: of TLS, nothing but 0 makes sense, which the reply says (RFC 4217, section 9).
    pub(super) fn pbsz(&mut self, argument: &[u8]) -> Reply {
        if self.security.tls.is_none() {
            return Reply::new(503, "Use AUTH TLS first.");
        }
        let size = str::from_utf8(argument).ok().and_then(|text| text.parse::<u32>().ok());
        if size.is_none() {
            return Reply::new(501, "Use PBSZ 0.");
        }
        self.security.buffer_size_is_set = true;
        Reply::new(200, "PBSZ=0")
    }

    pub(super) fn prot(&mut self, level: &[u8]) -> Reply {
        if !self.security.buffer_size_is_set {
            return Reply::new(503, "Use AUTH TLS and PBSZ 0 first.");
        }
        match level {
            b"P" | b"p" => {
                self.protect_data(true);
                Reply::new(200, "Data connections use TLS.")
            }
            b"C" | b"c" if self.shared.settings.tls_required => {
                Reply::new(534, "Data connections need PROT P.")
            }
            b"C" | b"c" => {
                self.protect_data(false);
                Reply::new(200, "Data connections are plain.")
            }
            b"S" | b"s" | b"E" | b"e" => Reply::new(536, "Use PROT P or PROT C."),
            _ => Reply::new(504, "Use PROT P or PROT C."),
        }
    }

    fn protect_data(&mut self, on: bool) {
        let verified = self.security.verifies();
        self.security.protected = on;
        // A port was asked for to be used in another way.
        if self.security.verifies() != verified {
            self.passive.mode.end_reservation();
        }
    }

    /// `CCC`: what was private stays so.
    pub(super) fn ccc(&mut self) -> Reply {
        match self.security.tls {
            Some(_) => Reply::new(534, "The control connection stays in TLS."),
            None => Reply::new(533, "The control connection is plain."),
        }
    }
}
