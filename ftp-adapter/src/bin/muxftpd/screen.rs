//! What is printed on standard output.

use crate::options::Options;
use crate::served::Served;
use mux_core::mux::Stats;
use std::env;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What the start screen tells.
#[derive(Debug)]
pub(crate) struct Screen<'a> {
    pub(crate) options: &'a Options,
    pub(crate) served: &'a Served,
    pub(crate) control: &'a [SocketAddr],
    pub(crate) passive: &'a [IpAddr],
    /// The address that `PASV` replies name, unless it is the connection's.
    pub(crate) advertised: Option<Ipv4Addr>,
}

/// Shows the start screen. Its last line, `ready`, says that clients may come.
pub(crate) fn show(screen: &Screen<'_>) {
    let bold = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    print(&screen.text(bold));
}

/// Says that sessions are being ended.
pub(crate) fn draining(signal: &str, drain_timeout: Duration) {
    let most = humantime::format_duration(drain_timeout);
    print(&format!(
        "{signal}: shutting down, transfers have up to {most} to finish; again to stop at once\n"
    ));
}

/// Says that it is over, and what it was.
pub(crate) fn stopped(cut: usize, stats: &Stats) {
    let refused = stats.refused.total();
    print(&format!(
        "  served       {} data connections; {refused} refused, {} never came\n  \
         strangers    {} turned away\n",
        stats.claimed,
        stats.expired + stats.cancelled,
        stats.strangers,
    ));
    print(&match cut {
        0 => "stopped\n".to_owned(),
        1 => "stopped, 1 session was cut\n".to_owned(),
        _ => format!("stopped, {cut} sessions were cut\n"),
    });
}

fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    // Nobody reads it: no reason not to serve.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

impl Screen<'_> {
    fn text(&self, bold: bool) -> String {
        let mut text = format!("muxftpd {}\n", env!("CARGO_PKG_VERSION"));
        let mut line = |label: &str, value: &dyn fmt::Display| {
            let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            let _ = writeln!(text, "  {on}{label:<12}{off} {value}");
        };
        let options = self.options;
        let duration = |duration| humantime::format_duration(duration).to_string();

        let access = if self.served.is_writable() { "writable" } else { "read-only" };
        let root = self.served.root().display();
        line("serving", &format_args!("{root} ({access}, anonymous)"));
        for address in self.control {
            line("control", address);
        }
        let ports = &options.passive_ports;
        let count = match ports.len() {
            1 => "1 port".to_owned(),
            count => format!("{count} ports"),
        };
        let addresses: Vec<String> = self.passive.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(", ");
        line("passive", &format_args!("{ports} ({count}) on {addresses}"));
        match self.advertised {
            None => line("advertised", &"the address that the client has connected to"),
            Some(ip) if options.passive_host.to_string() == ip.to_string() => {
                line("advertised", &ip);
            }
            Some(ip) => line("advertised", &format_args!("{} ({ip})", options.passive_host)),
        }
        line("delivery", &"steering: the kernel gives each session the connections of its client");
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
        let drain = duration(options.drain_timeout);
        line(
            "stop",
            &format_args!("Ctrl-C or SIGTERM; transfers then have up to {drain} to finish"),
        );
        text.push_str("ready\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn text(arguments: &[&str], advertised: Option<&str>) -> String {
        let root = tempfile::tempdir().unwrap();
        let served = Served::open(root.path(), false).unwrap();
        let path = served.root().display().to_string();
        let screen = Screen {
            options: &Options::parse_from([&["muxftpd"], arguments].concat()),
            served: &served,
            control: &["127.0.0.1:2121".parse().unwrap(), "[::1]:2121".parse().unwrap()],
            passive: &["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            advertised: advertised.map(|ip| ip.parse().unwrap()),
        };
        screen.text(false).replace(&path, "/srv/ftp")
    }

    #[test]
    fn the_screen_tells_everything_and_ends_with_ready() {
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "muxftpd {version}
  serving      /srv/ftp (read-only, anonymous)
  control      127.0.0.1:2121
  control      [::1]:2121
  passive      8192-8200 (9 ports) on 127.0.0.1, ::1
  advertised   the address that the client has connected to
  delivery     steering: the kernel gives each session the connections of its client
  reservation  15s to connect after PASV or EPSV
  wait         up to 2s for a port when all are taken for a client
  stop         Ctrl-C or SIGTERM; transfers then have up to 30s to finish
ready
"
        );
        assert_eq!(text(&[], None), expected);
    }

    #[test]
    fn the_advertised_address_and_no_waiting_are_told() {
        let screen = text(&["--passive-host=192.0.2.7", "--wait=0s"], Some("192.0.2.7"));
        assert!(screen.contains("\n  advertised   192.0.2.7\n"), "{screen}");
        assert!(screen.contains("\n  wait         none: refused at once"), "{screen}");
        let screen = text(&["--passive-host=ftp.example.org"], Some("192.0.2.7"));
        assert!(screen.contains("\n  advertised   ftp.example.org (192.0.2.7)\n"), "{screen}");
    }
}
