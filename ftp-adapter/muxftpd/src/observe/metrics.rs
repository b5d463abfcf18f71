//! What is counted for `--metrics`.

use crate::observe::events::{
    Connection, Handshake, LoginRefused, Outcome, SessionEnd, SessionRefused, Transfer,
    TransferRefused,
};
use mux_core::Mux;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;

type Label = [(&'static str, &'static str); 1];
type Labels = [(&'static str, &'static str); 2];
type Refusal = [(&'static str, String); 2];

/// Counts of sessions, logins, transfers and log lines.
#[derive(Debug)]
pub struct Metrics {
    sessions: Gauge,
    sessions_started: Counter,
    sessions_refused: Family<Label, Counter>,
    sessions_ended: Family<Label, Counter>,
    logins: Family<Label, Counter>,
    transfers_refused: Family<Refusal, Counter>,
    transfers: Family<Labels, Counter>,
    transfer_failures: Family<Label, Counter>,
    transferred: Family<Label, Counter>,
    transfer_duration: Family<Label, Histogram>,
    handshakes: Family<Labels, Counter>,
    log_lines_suppressed: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            sessions: Gauge::default(),
            sessions_started: Counter::default(),
            sessions_refused: Family::default(),
            sessions_ended: Family::default(),
            logins: Family::default(),
            transfers_refused: Family::default(),
            transfers: Family::default(),
            transfer_failures: Family::default(),
            transferred: Family::default(),
            transfer_duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            handshakes: Family::default(),
            log_lines_suppressed: Counter::default(),
        }
    }
}

/// Upper ends, in seconds, from small files in a local network to those that take an hour.
const DURATIONS: [f64; 10] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0, 3600.0];

impl Metrics {
    pub fn session_begun(&self) {
        self.sessions.inc();
        self.sessions_started.inc();
    }

    pub fn session_refused(&self, why: SessionRefused) {
        self.sessions_refused.get_or_create(&[("reason", why.word())]).inc();
    }

    pub fn session_over(&self, end: SessionEnd) {
        self.sessions.dec();
        self.sessions_ended.get_or_create(&[("how", end.word())]).inc();
    }

    pub fn login(&self, result: Result<(), LoginRefused>) {
        let result = match result {
            Ok(()) => "succeeded",
            Err(LoginRefused::TooManyFailures) => "throttled",
            Err(_) => "failed",
        };
        self.logins.get_or_create(&[("result", result)]).inc();
    }

    pub fn transfer_refused(&self, refused: &TransferRefused<'_>) {
        let (command, code) = (refused.command.to_owned(), refused.code.to_string());
        self.transfers_refused.get_or_create(&[("command", command), ("code", code)]).inc();
    }

    pub fn transfer(&self, transfer: &Transfer<'_>) {
        let command = transfer.command;
        let result = match transfer.outcome {
            Outcome::Completed => {
                let seconds = transfer.took.as_secs_f64();
                self.transfer_duration.get_or_create(&[("command", command)]).observe(seconds);
                "completed"
            }
            Outcome::Failed(why) => {
                self.transfer_failures.get_or_create(&[("reason", why.word())]).inc();
                "failed"
            }
        };
        self.transfers.get_or_create(&[("command", command), ("result", result)]).inc();
        if let Some(bytes) = transfer.bytes {
            self.transferred.get_or_create(&[("command", command)]).inc_by(bytes);
        }
    }

    pub fn handshake(&self, connection: Connection, how: Handshake) {
        let labels = [("connection", connection.word()), ("result", how.word())];
        self.handshakes.get_or_create(&labels).inc();
    }

    pub fn log_lines_suppressed(&self, count: u64) {
        self.log_lines_suppressed.inc_by(count);
    }

    /// All of them, those of `mux`, and the log lines that were dropped since the start.
    pub fn registry(
        &self,
        mux: Mux,
        log_lines_dropped: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Registry {
        let mut registry = Registry::with_prefix("muxftpd");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of the program", version);
        registry.register("sessions", "Sessions now", self.sessions.clone());
        registry.register("sessions_started", "Sessions begun", self.sessions_started.clone());
        registry.register(
            "sessions_refused",
            "Control connections turned away, by reason",
            self.sessions_refused.clone(),
        );
        registry.register("sessions_ended", "Sessions ended, by how", self.sessions_ended.clone());
        registry.register("logins", "Logins decided, by result", self.logins.clone());
        registry.register(
            "transfers_refused",
            "Transfer commands refused before a data connection was used, by command and reply",
            self.transfers_refused.clone(),
        );
        registry.register(
            "transfers",
            "Transfers ended, by command and result",
            self.transfers.clone(),
        );
        registry.register(
            "transfer_failures",
            "Transfers that failed, by reason",
            self.transfer_failures.clone(),
        );
        registry.register(
            "transferred_bytes",
            "Bytes moved in transfers that have ended, by command",
            self.transferred.clone(),
        );
        registry.register_with_unit(
            "transfer_duration",
            "How long completed transfers took, by command",
            Unit::Seconds,
            self.transfer_duration.clone(),
        );
        registry.register(
            "tls_handshakes",
            "TLS handshakes ended, by connection and result",
            self.handshakes.clone(),
        );
        registry.register(
            "log_lines_suppressed",
            "Log lines left out because there were too many of their kind",
            self.log_lines_suppressed.clone(),
        );
        registry.register_collector(Box::new(OfLog(Box::new(log_lines_dropped))));
        registry.register_collector(Box::new(OfMux(mux)));
        registry
    }
}

/// What the log counts by itself.
struct OfLog(Box<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for OfLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfLog").finish_non_exhaustive()
    }
}

impl Collector for OfLog {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Log lines lost because standard error was not read in time";
        counter(&mut encoder, "log_lines_dropped", help, (self.0)())
    }
}

/// The multiplexer's own counts, as they are when they are asked for.
#[derive(Debug)]
struct OfMux(Mux);

impl Collector for OfMux {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.0.stats();
        for (name, help, value) in [
            ("passive_ports", "Passive ports listened on", self.0.ports().len()),
            ("reservations_pending", "Reservations pending now", stats.pending),
            ("clients_pending", "Clients with reservations pending now", stats.clients),
            ("requests_waiting", "Requests that wait for a port now", stats.waiting),
            (
                "proxy_headers_awaited",
                "Data connections that wait for their PROXY header now",
                stats.prefaces.waiting,
            ),
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
            counter(&mut encoder, name, help, value)?;
        }
        let help = "Requests for a port that were refused, by reason";
        let mut refused =
            encoder.encode_descriptor("reservations_refused", help, None, MetricType::Counter)?;
        for (reason, value) in stats.refused.iter() {
            let label = [("reason", reason.name())];
            ConstCounter::new(value).encode(refused.encode_family(&label)?)?;
        }
        let help = "Data connections from a proxy without a good PROXY header, by reason";
        let mut rejected =
            encoder.encode_descriptor("proxy_headers_rejected", help, None, MetricType::Counter)?;
        for (reason, value) in stats.prefaces.rejected() {
            let label = [("reason", reason.name())];
            ConstCounter::new(value).encode(rejected.encode_family(&label)?)?;
        }
        Ok(())
    }
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let value = ConstCounter::new(value);
    value.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}
