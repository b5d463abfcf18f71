//! Watching a control connection from outside of libunftp, which has taken it over.
//!
//! libunftp 0.24 reads a command of any length into memory, waits for a TLS handshake without
//! end, lets anybody stay without logging in as long as there are commands, and does not notice
//! silence after a transfer whose TLS handshake failed. The kernel counts the bytes of each
//! connection, so all that can be seen and ended from here, in plain text and in TLS.

use super::data_connections::{self, Owner};
use super::presence::Presence;
use super::tcp_info::TcpInfo;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often a connection is looked at that says something, and one that does not.
const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_millis(500);

/// More than libunftp takes to act on a silence by itself, with a reply.
const IDLE_GRACE: Duration = Duration::from_secs(5);

/// What a session may do, at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionLimits {
    /// How long it may take to log in.
    pub(super) login: Duration,
    /// How long it may be silent.
    pub(super) idle: Option<Duration>,
    /// How many bytes it may send while nothing is replied.
    pub(super) command: u64,
}

/// Waits until the session that holds `control` exceeds a limit. What the client is to be told;
/// nothing after a command without end, because a client that sends that does not listen.
pub(super) async fn exceeded(
    control: &impl AsRawFd,
    session: Owner,
    presence: &Presence,
    limits: SessionLimits,
) -> Option<&'static [u8]> {
    let started = Instant::now();
    let mut replied = None;
    let mut received_then = 0;
    let mut pause = OFTEN;
    let mut seen = 0;
    loop {
        sleep(pause).await;
        let Ok(counters) = TcpInfo::of(control.as_raw_fd()) else { continue };
        // What is acknowledged has been sent.
        if replied != Some(counters.bytes_acked) {
            replied = Some(counters.bytes_acked);
            received_then = counters.bytes_received;
        }
        if counters.bytes_received - received_then > limits.command {
            return None;
        }
        if !presence.has_logged_in() && started.elapsed() > limits.login {
            return Some(b"421 No login in time, closing.\r\n");
        }
        let is_silent = |most| {
            let silent = counters.silent_for.min(counters.sent_nothing_for);
            silent > most + IDLE_GRACE && !data_connections::in_use(session)
        };
        if limits.idle.is_some_and(is_silent) {
            return Some(b"421 Silent for too long, closing.\r\n");
        }
        pause = if counters.bytes_received == seen { (pause * 2).min(SELDOM) } else { OFTEN };
        seen = counters.bytes_received;
    }
}
