//! The documents, the alerts and the dashboard name the metrics that there are.

use crate::document;
use mux_core::{Client, Mux};
use muxftpd::observe::events::{
    Connection, Failure, Handshake, LoginRefused, Outcome, SessionEnd, SessionOver, SessionRefused,
    Transfer, TransferRefused,
};
use muxftpd::observe::journal::Journal;
use prometheus_client::encoding::prometheus_text;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::Duration;

const PREFIX: &str = "muxftpd_";

/// The names of metrics that stand in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let is_part = |character: char| character.is_ascii_lowercase() || character == '_';
    for (start, _) in text.match_indices(PREFIX) {
        let rest = &text[start..];
        found.insert(&rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())]);
    }
    found
}

/// Everything that is counted, counted once.
fn counted() -> Journal {
    let journal = Journal::default();
    let client = Client::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    journal.session_begun(client);
    journal.session_refused(client, SessionRefused::TooMany);
    let took = Duration::from_secs(1);
    journal.session_over(&SessionOver { client, user: None, took, end: SessionEnd::Over });
    journal.login(client, b"alice", Err(LoginRefused::WrongPassword));
    journal.handshake(Connection::Data, Handshake::Resumed);
    let (user, command, path) = ("alice", "RETR", b"/a");
    let (code, reply) = (550, b"550 No such file or directory.");
    journal.transfer_refused(&TransferRefused { client, user, command, path, code, reply });
    for outcome in [Outcome::Completed, Outcome::Failed(Failure::Reset)] {
        let bytes = Some(1);
        let (port, named) = (None, None);
        journal.transfer(&Transfer {
            client,
            user,
            command,
            path,
            bytes,
            took,
            port,
            named,
            outcome,
        });
    }
    journal
}

async fn exported() -> String {
    // Others may take the port in between.
    for _ in 0..20 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Ok(mux) = Mux::builder(port.to_string().parse().unwrap()).bind() {
            let mut text = String::new();
            let registry = counted().metrics().registry(mux, || 0);
            prometheus_text::encode(&mut text, &registry).unwrap();
            return text;
        }
    }
    panic!("no free port");
}

#[tokio::test]
async fn what_is_named_exists() {
    let exported = exported().await;
    let exported = names(&exported);
    for file in
        ["operations.md", "operations/prometheus-alerts.yml", "operations/grafana-dashboard.json"]
    {
        let text = document(file);
        let named = names(&text);
        assert!(named.len() > 5, "{file}: {named:?}");
        let missing: Vec<_> = named.difference(&exported).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}; there are {exported:?}");
    }
}

#[tokio::test]
async fn every_metric_is_in_the_table_with_its_labels() {
    let (exported, document) = (exported().await, document("operations.md"));
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `muxftpd_")).collect();
    for line in exported.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .unwrap_or(name);
        let labels: Vec<&str> = labels
            .split(',')
            .filter_map(|label| label.split_once('=').map(|(label, _)| label))
            .filter(|label| *label != "le")
            .collect();
        let named = match labels.as_slice() {
            [] => format!("`{family}`"),
            labels => format!("`{family}{{{}}}`", labels.join(",")),
        };
        assert!(rows.iter().any(|row| row.contains(&named)), "{named} is in no row");
    }
}
