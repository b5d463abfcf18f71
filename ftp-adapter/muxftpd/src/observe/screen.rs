//! What is printed on standard output.

use crate::config::options::Options;
use crate::observe::output;
use crate::storage::Storage;
use ftp_adapter::Advertised;
use mux_core::mux::Stats;
use std::env;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What the start screen tells.
#[derive(Debug)]
pub struct Screen<'a> {
    pub options: &'a Options,
    pub storage: &'a Storage,
    /// The control listeners, and whether TLS begins at once there.
    pub control: &'a [(SocketAddr, bool)],
    pub passive: &'a [IpAddr],
    pub advertised: &'a Advertised,
    /// How many users there are.
    pub users: usize,
    /// What is hardly meant as it is.
    pub warnings: &'a [String],
    /// Where numbers are to be had.
    pub metrics: Option<SocketAddr>,
}

/// Shows the start screen. Its last line, `ready`, says that clients may come.
pub fn show(screen: &Screen<'_>) {
    let bold = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    output::print(screen.text(bold));
}

/// Says that sessions will be ended.
pub fn not_ready(signal: &str, drain_delay: Duration) {
    let most = humantime::format_duration(drain_delay);
    output::print(format!(
        "{signal}: not ready any more, shutting down in {most}; again to stop at once\n"
    ));
}

/// Says that sessions are being ended.
pub fn draining(signal: &str, drain_timeout: Duration) {
    let most = humantime::format_duration(drain_timeout);
    output::print(format!(
        "{signal}: shutting down, transfers have up to {most} to finish; again to stop at once\n"
    ));
}

/// Says that it is over, and what it was.
pub fn stopped(cut: usize, stats: &Stats) {
    let refused = stats.refused.total();
    output::print(format!(
        "  served       {} data connections; {refused} refused, {} never came\n  \
         strangers    {} turned away\n",
        stats.claimed,
        stats.expired + stats.cancelled,
        stats.strangers,
    ));
    output::print(match cut {
        0 => "stopped\n".to_owned(),
        1 => "stopped, 1 session was cut\n".to_owned(),
        _ => format!("stopped, {cut} sessions were cut\n"),
    });
}

impl Screen<'_> {
    fn logins(&self) -> String {
        let users = match self.users {
            0 => None,
            1 => Some("1 user".to_owned()),
            count => Some(format!("{count} users")),
        };
        let anonymous = self.options.lets_anonymous_in().then(|| "anonymous".to_owned());
        match (users, anonymous) {
            (Some(users), Some(anonymous)) => format!("{users}, {anonymous}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "nobody".to_owned(),
        }
    }

    fn tls(&self) -> &'static str {
        let options = self.options;
        match (&options.tls_cert, options.tls_required, options.tls_session_required) {
            (None, ..) => "none: passwords and files are sent as they are",
            (Some(_), false, false) => "offered",
            (Some(_), false, true) => "offered; data connections in TLS must resume its session",
            (Some(_), true, false) => "required",
            (Some(_), true, true) => "required; data connections must resume its session",
        }
    }

    fn text(&self, bold: bool) -> String {
        let mut text = format!("muxftpd {}\n", env!("CARGO_PKG_VERSION"));
        let mut line = |label: &str, value: &dyn fmt::Display| {
            let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            let _ = writeln!(text, "  {on}{label:<12}{off} {value}");
        };
        let options = self.options;
        let duration = |duration| humantime::format_duration(duration).to_string();

        let access = if self.storage.is_writable() { "writable" } else { "read-only" };
        let root = self.storage.root().display();
        line("serving", &format_args!("{root} ({access})"));
        line("logins", &self.logins());
        line("TLS", &self.tls());
        for (address, implicit_tls) in self.control {
            let tls = if *implicit_tls { " (implicit TLS)" } else { "" };
            line("control", &format_args!("{address}{tls}"));
        }
        if let Some(networks) = &options.proxy_from {
            line("proxies", &format_args!("{networks}, which must send PROXY headers"));
        }
        let ports = options.passive_ports.listened();
        let count = match ports.len() {
            1 => "1 port".to_owned(),
            count => format!("{count} ports"),
        };
        let addresses: Vec<String> = self.passive.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(", ");
        line("passive", &format_args!("{ports} ({count}) on {addresses}"));
        if !options.passive_ports.is_plain() {
            line("mapped", &format_args!("{}, as clients see them", options.passive_ports));
        }
        line("advertised", self.advertised);
        if let Some(prefix) = options.client_prefix {
            line("clients", &format_args!("one for all addresses with the same {prefix}"));
        }
        let ttl = duration(options.reservation_ttl);
        line("reservation", &format_args!("{ttl} to connect after PASV or EPSV"));
        let wait: &dyn fmt::Display = if options.wait.is_zero() {
            &"none: refused at once when all ports are taken for a client"
        } else {
            &format_args!(
                "up to {} for a port when all are taken for a client",
                humantime::format_duration(options.wait)
            )
        };
        line("wait", wait);
        if let Some(address) = self.metrics {
            line("metrics", &format_args!("http://{address}/metrics"));
        }
        let drain = duration(options.drain_timeout);
        line(
            "stop",
            &format_args!("Ctrl-C or SIGTERM; transfers then have up to {drain} to finish"),
        );
        for warning in self.warnings {
            line("warning", warning);
        }
        text.push_str("ready\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(arguments: &[&str]) -> String {
        let root = tempfile::tempdir().unwrap();
        let storage = Storage::open(root.path(), false).unwrap();
        let path = storage.root().display().to_string();
        let options = Options::read([&["muxftpd"], arguments].concat()).unwrap();
        let screen = Screen {
            storage: &storage,
            control: &[
                ("127.0.0.1:2121".parse().unwrap(), false),
                ("[::1]:2121".parse().unwrap(), options.tls_cert.is_some()),
            ],
            passive: &["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            advertised: &options.passive_host.clone().resolve().await.unwrap(),
            users: usize::from(options.users.is_some()),
            warnings: &[],
            metrics: None,
            options: &options,
        };
        screen.text(false).replace(&path, "/srv/ftp")
    }

    #[tokio::test]
    async fn the_screen_tells_everything_and_ends_with_ready() {
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "muxftpd {version}
  serving      /srv/ftp (read-only)
  logins       anonymous
  TLS          none: passwords and files are sent as they are
  control      127.0.0.1:2121
  control      [::1]:2121
  passive      8192-8200 (9 ports) on 127.0.0.1, ::1
  advertised   the address that the client has connected to
  reservation  15s to connect after PASV or EPSV
  wait         up to 2s for a port when all are taken for a client
  stop         Ctrl-C or SIGTERM; transfers then have up to 30s to finish
ready
"
        );
        assert_eq!(text(&[]).await, expected);
    }

    #[tokio::test]
    async fn the_advertised_address_and_no_waiting_are_told() {
        let screen = text(&["--passive-host=192.0.2.7", "--wait=0s"]).await;
        assert!(screen.contains("\n  advertised   192.0.2.7\n"), "{screen}");
        assert!(screen.contains("\n  wait         none: refused at once"), "{screen}");
        let screen = text(&["--passive-host=localhost"]).await;
        assert!(screen.contains("\n  advertised   localhost (127.0.0.1)\n"), "{screen}");
    }

    #[tokio::test]
    async fn who_counts_as_one_client_is_told() {
        let screen = text(&["--client-prefix=24,64"]).await;
        let line =
            "\n  clients      one for all addresses with the same /24 of IPv4, /64 of IPv6\n";
        assert!(screen.contains(line), "{screen}");
    }

    #[tokio::test]
    async fn users_and_tls_are_told() {
        let tls = ["--tls-cert=a", "--tls-key=b"];
        let screen = text(&[&tls[..], &["--users=c", "--tls-required"]].concat()).await;
        assert!(screen.contains("\n  logins       1 user\n"), "{screen}");
        assert!(screen.contains("\n  TLS          required\n"), "{screen}");
        assert!(screen.contains("\n  control      [::1]:2121 (implicit TLS)\n"), "{screen}");
        let screen = text(&[&tls[..], &["--users=c", "--anonymous"]].concat()).await;
        assert!(screen.contains("\n  logins       1 user, anonymous\n"), "{screen}");
        assert!(screen.contains("\n  TLS          offered\n"), "{screen}");
    }
}
