//! Whether somebody has logged in.

use ::libunftp::notification::{EventMeta, PresenceEvent, PresenceListener};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Who is told of logins beside us.
pub(super) type Listener = Arc<dyn PresenceListener>;

/// Hears of the login of one session. Clones are of the same session.
#[derive(Debug, Clone, Default)]
pub(super) struct Presence {
    logged_in: Arc<AtomicBool>,
    next: Option<Listener>,
}

impl Presence {
    pub(super) fn new(next: Option<Listener>) -> Self {
        Self { logged_in: Arc::default(), next }
    }

    pub(super) fn has_logged_in(&self) -> bool {
        self.logged_in.load(Relaxed)
    }
}

#[async_trait]
impl PresenceListener for Presence {
    async fn receive_presence_event(&self, event: PresenceEvent, meta: EventMeta) {
        if matches!(event, PresenceEvent::LoggedIn) {
            self.logged_in.store(true, Relaxed);
        }
        if let Some(next) = &self.next {
            next.receive_presence_event(event, meta).await;
        }
    }
}
