//! What happens in sessions, logged and counted.

use crate::auth::anonymous;
use crate::observe::events::{
    Connection, Handshake, LoginRefused, Outcome, PassiveRefused, SessionOver, SessionRefused,
    Transfer, TransferRefused,
};
use crate::observe::metrics::Metrics;
use crate::observe::printable::Printable;
use crate::observe::rate::{LineLimit, Rate};
use crate::origin::Origin;
use mux_core::Client;
use std::sync::Arc;
use std::time::Instant;
use tracing::{debug, info, warn};

/// Logs and counts what the sessions tell it. Clones are the same journal. Nothing waits.
///
/// Until a client has logged in, nothing that it does is logged above `debug`, but for refused
/// logins. Of those, of transfers and ports that are refused or fail, and of whatever anonymous
/// clients do, a limited number of lines is logged a second, for each client and for all. Those
/// beyond are logged at `debug`, and [`tell_suppressed`](Self::tell_suppressed) says how many they
/// were.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Arc<Metrics>,
    logins: LineLimit,
    ports: LineLimit,
    refused_transfers: LineLimit,
    failed_transfers: LineLimit,
    anonymous_transfers: LineLimit,
    anonymous_sessions: LineLimit,
}

impl Default for Inner {
    fn default() -> Self {
        let now = Instant::now();
        let limit = |burst, per_second| {
            let of_all = Rate { burst: 10 * burst, per_second: 10.0 * per_second };
            LineLimit::new(now, Rate { burst, per_second }, of_all)
        };
        Self {
            metrics: Arc::default(),
            logins: limit(10, 0.5),
            ports: limit(20, 1.0),
            refused_transfers: limit(20, 1.0),
            failed_transfers: limit(20, 1.0),
            anonymous_transfers: limit(100, 5.0),
            anonymous_sessions: limit(100, 5.0),
        }
    }
}

/// At `info` where the limit has room for a line of `client`, else at `debug`.
macro_rules! info_or_debug {
    ($limit:expr, $client:ident, $($event:tt)*) => {
        if $limit.take(Instant::now(), Origin::from($client)) {
            info!(target: "muxftpd", %$client, $($event)*);
        } else {
            debug!(target: "muxftpd", %$client, $($event)*);
        }
    };
}

impl Journal {
    /// What it has counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// A session has begun.
    pub fn session_begun(&self, _client: Client) {
        self.0.metrics.session_begun();
    }

    /// A control connection was turned away, before there was a session.
    pub fn session_refused(&self, client: Client, why: SessionRefused) {
        debug!(target: "muxftpd", %client, why = why.word(), "session refused");
        self.0.metrics.session_refused(why);
    }

    /// A session that had [begun](Self::session_begun) is over.
    pub fn session_over(&self, session: &SessionOver<'_>) {
        let SessionOver { client, user, took, end } = *session;
        let (seconds, how) = (took.as_secs_f64(), end.word());
        match user {
            Some(anonymous::NAME) => {
                let user = anonymous::NAME;
                info_or_debug!(self.0.anonymous_sessions, client, user, seconds, how, "session");
            }
            Some(user) => info!(target: "muxftpd", %client, user, seconds, how, "session"),
            None => debug!(target: "muxftpd", %client, seconds, how, "session"),
        }
        self.0.metrics.session_over(end);
    }

    /// A login was decided. [`Login`](crate::auth::login::Login) tells of its own.
    pub fn login(&self, client: Client, user: &[u8], result: Result<(), LoginRefused>) {
        self.0.metrics.login(result);
        let user = Printable(user).to_string();
        let Err(error) = result else {
            debug!(target: "muxftpd", %client, user = &*user, "login");
            return;
        };
        info_or_debug!(self.0.logins, client, user = &*user, %error, "login refused");
    }

    /// `PASV` or `EPSV` got no port.
    pub fn passive_refused(&self, refused: &PassiveRefused<'_>) {
        let PassiveRefused { client, user, command, reply } = *refused;
        if user.is_some() {
            info_or_debug!(self.0.ports, client, user, command, %reply, "port refused");
        } else {
            debug!(target: "muxftpd", %client, command, %reply, "port refused");
        }
    }

    /// A transfer command was refused.
    pub fn transfer_refused(&self, refused: &TransferRefused<'_>) {
        self.0.metrics.transfer_refused(refused);
        let TransferRefused { client, user, command, .. } = *refused;
        let (path, reply) = (Printable(refused.path), Printable(refused.reply));
        info_or_debug!(
            self.0.refused_transfers, client, user, command, %path, %reply, "transfer refused"
        );
    }

    /// A transfer is over. `portsize` reads these lines from the log in JSON.
    pub fn transfer(&self, transfer: &Transfer<'_>) {
        self.0.metrics.transfer(transfer);
        let Transfer { client, user, command, bytes, port, .. } = *transfer;
        let (path, seconds) = (Printable(transfer.path), transfer.took.as_secs_f64());
        match transfer.outcome {
            Outcome::Completed if user == anonymous::NAME => info_or_debug!(
                self.0.anonymous_transfers, client, user, command, %path, bytes, seconds,
                completed = true, "transfer"
            ),
            Outcome::Completed => info!(
                target: "muxftpd",
                %client, user, command, %path, bytes, seconds, completed = true,
                "transfer"
            ),
            Outcome::Failed(why) => {
                let named = transfer.named.map(|named| named.to_string());
                let named = named.as_deref();
                info_or_debug!(
                    self.0.failed_transfers, client, user, command, %path, bytes, seconds, completed = false,
                    port, named, %why,
                    "transfer"
                );
            }
        }
    }

    /// A TLS handshake has ended.
    pub fn handshake(&self, connection: Connection, how: Handshake) {
        self.0.metrics.handshake(connection, how);
    }

    /// Says how many lines were not logged at `info` since the last call, because there were too
    /// many.
    pub fn tell_suppressed(&self) {
        let Inner { metrics, logins, ports, refused_transfers, failed_transfers, .. } = &*self.0;
        for (kind, limit) in [
            ("refused logins", logins),
            ("refused ports", ports),
            ("refused transfers", refused_transfers),
            ("failed transfers", failed_transfers),
            ("anonymous transfers", &self.0.anonymous_transfers),
            ("anonymous sessions", &self.0.anonymous_sessions),
        ] {
            let count = limit.take_suppressed();
            if count > 0 {
                metrics.log_lines_suppressed(count);
                warn!(target: "muxftpd", kind, count, "log lines left out, there were too many");
            }
        }
    }
}
