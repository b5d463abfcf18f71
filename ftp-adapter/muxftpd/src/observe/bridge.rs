//! The journal as the wiring into libunftp tells it of its sessions.

use crate::observe::events::{self, Failure, Outcome};
use crate::observe::journal::Journal;
use ftp_adapter::{Events, SessionEnd, SessionOver, SessionRefused, Transfer};
use mux_core::Client;
use std::os::unix::ffi::OsStrExt;

impl Events for Journal {
    fn session_begun(&self, client: Client) {
        self.session_begun(client);
    }

    fn session_refused(&self, client: Client, why: SessionRefused) {
        let why = match why {
            SessionRefused::TooManyOfClient => events::SessionRefused::TooManyOfClient,
            _ => events::SessionRefused::TooMany,
        };
        self.session_refused(client, why);
    }

    fn session_over(&self, session: &SessionOver<'_>) {
        let end = match session.end {
            SessionEnd::Over => events::SessionEnd::Over,
            SessionEnd::NoLogin => events::SessionEnd::NoLogin,
            SessionEnd::Silent => events::SessionEnd::Silent,
            SessionEnd::EndlessCommand => events::SessionEnd::EndlessCommand,
            SessionEnd::NotResumed => events::SessionEnd::NotResumed,
            SessionEnd::Drained => events::SessionEnd::Drained,
            SessionEnd::Cut => events::SessionEnd::Cut,
            _ => events::SessionEnd::Failed,
        };
        let SessionOver { client, user, took, .. } = *session;
        self.session_over(&events::SessionOver { client, user, took, end });
    }

    fn transfer(&self, transfer: &Transfer<'_>) {
        let outcome = match transfer.completed {
            true => Outcome::Completed,
            false => Outcome::Failed(Failure::Unknown),
        };
        self.transfer(&events::Transfer {
            client: transfer.client,
            user: transfer.user,
            command: transfer.command,
            path: transfer.path.as_os_str().as_bytes(),
            bytes: transfer.bytes,
            took: transfer.took,
            port: None,
            named: None,
            outcome,
        });
    }
}
