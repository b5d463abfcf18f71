//! What happens in sessions, logged and counted.

use crate::observe::numbers::{Numbers, how};
use ftp_adapter::{Events, SessionOver, SessionRefused, Transfer};
use mux_core::Client;
use std::sync::Arc;
use tracing::{debug, info};

/// Logs and counts. `portsize` reads the transfers from the log in JSON.
#[derive(Debug)]
pub struct Journal(pub(crate) Arc<Numbers>);

impl Events for Journal {
    fn session_begun(&self, _client: Client) {
        self.0.session_begun();
    }

    fn session_refused(&self, client: Client, why: SessionRefused) {
        debug!(target: "muxftpd", %client, ?why, "session refused");
        self.0.session_refused(why);
    }

    fn session_over(&self, session: &SessionOver<'_>) {
        let SessionOver { client, user, .. } = *session;
        let (seconds, how) = (session.took.as_secs_f64(), how(session.end));
        // Whoever connects could fill the log.
        match user {
            Some(user) => info!(target: "muxftpd", %client, user, seconds, how, "session"),
            None => debug!(target: "muxftpd", %client, seconds, how, "session"),
        }
        self.0.session_over(session.end);
    }

    fn transfer(&self, transfer: &Transfer<'_>) {
        let Transfer { client, user, command, bytes, completed, .. } = *transfer;
        let (path, seconds) = (transfer.path.display(), transfer.took.as_secs_f64());
        info!(
            target: "muxftpd",
            %client, user, command, %path, bytes, seconds, completed,
            "transfer"
        );
        self.0.transfer(transfer);
    }
}
