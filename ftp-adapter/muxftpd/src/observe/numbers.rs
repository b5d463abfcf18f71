//! What is counted for `--metrics`.

use ftp_adapter::{SessionEnd, SessionRefused, Transfer};
use mux_core::Mux;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use std::fmt;

type Label = [(&'static str, &'static str); 1];
type Labels = [(&'static str, &'static str); 2];

/// Counts of sessions, logins and transfers.
#[derive(Debug, Default)]
pub struct Numbers {
    sessions: Gauge,
    sessions_begun: Counter,
    sessions_refused: Family<Label, Counter>,
    sessions_over: Family<Label, Counter>,
    logins: Family<Label, Counter>,
    transfers: Family<Labels, Counter>,
    bytes: Family<Label, Counter>,
}

/// What became of a login.
#[derive(Debug, Clone, Copy)]
pub enum LoginResult {
    Succeeded,
    Failed,
    Throttled,
}

impl Numbers {
    pub fn session_begun(&self) {
        self.sessions.inc();
        self.sessions_begun.inc();
    }

    pub fn session_refused(&self, why: SessionRefused) {
        let reason = match why {
            SessionRefused::TooMany => "too_many",
            SessionRefused::TooManyOfClient => "too_many_of_client",
            _ => "other",
        };
        self.sessions_refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub fn session_over(&self, end: SessionEnd) {
        self.sessions.dec();
        self.sessions_over.get_or_create(&[("how", how(end))]).inc();
    }

    pub fn login(&self, result: LoginResult) {
        let result = match result {
            LoginResult::Succeeded => "succeeded",
            LoginResult::Failed => "failed",
            LoginResult::Throttled => "throttled",
        };
        self.logins.get_or_create(&[("result", result)]).inc();
    }

    pub fn transfer(&self, transfer: &Transfer<'_>) {
        let command = transfer.command;
        let result = if transfer.completed { "completed" } else { "failed" };
        self.transfers.get_or_create(&[("command", command), ("result", result)]).inc();
        if let Some(bytes) = transfer.bytes {
            self.bytes.get_or_create(&[("command", command)]).inc_by(bytes);
        }
    }

    /// All of them, and those of `mux`.
    pub fn registry(&self, mux: Mux) -> Registry {
        let mut registry = Registry::with_prefix("muxftpd");
        registry.register("sessions", "Sessions now", self.sessions.clone());
        registry.register("sessions_begun", "Sessions begun", self.sessions_begun.clone());
        registry.register(
            "sessions_refused",
            "Control connections turned away, by reason",
            self.sessions_refused.clone(),
        );
        registry.register("sessions_over", "Sessions ended, by how", self.sessions_over.clone());
        registry.register("logins", "Logins decided, by result", self.logins.clone());
        registry.register(
            "transfers",
            "Transfers ended, by command and result",
            self.transfers.clone(),
        );
        registry.register("bytes", "Bytes of completed transfers, by command", self.bytes.clone());
        registry.register_collector(Box::new(OfMux(mux)));
        registry
    }
}

/// The words for logs and labels.
pub fn how(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Over => "over",
        SessionEnd::NoLogin => "no_login",
        SessionEnd::Silent => "silent",
        SessionEnd::EndlessCommand => "endless_command",
        SessionEnd::NotResumed => "not_resumed",
        SessionEnd::Drained => "drained",
        SessionEnd::Cut => "cut",
        _ => "failed",
    }
}

/// The multiplexer's own counts, as they are when they are asked for.
#[derive(Debug)]
struct OfMux(Mux);

impl Collector for OfMux {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.0.stats();
        for (name, help, value) in [
            ("reservations_pending", "Reservations pending now", stats.pending),
            ("clients", "Clients with reservations pending now", stats.clients),
            ("waiting", "Requests that wait for a port now", stats.waiting),
        ] {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, value) in [
            ("reservations", "Reservations made", stats.reserved),
            ("reservations_claimed", "Reservations that got their connection", stats.claimed),
            ("reservations_expired", "Reservations whose deadline passed", stats.expired),
            ("reservations_cancelled", "Reservations given up", stats.cancelled),
            ("strangers", "Connections turned away on passive ports", stats.strangers),
        ] {
            let value = ConstCounter::new(value);
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let help = "Requests for a port that were refused, by reason";
        let mut refused =
            encoder.encode_descriptor("reservations_refused", help, None, MetricType::Counter)?;
        for (reason, value) in stats.refused.iter() {
            let label = [("reason", reason.name())];
            ConstCounter::new(value).encode(refused.encode_family(&label)?)?;
        }
        Ok(())
    }
}
