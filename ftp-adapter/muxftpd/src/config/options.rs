//! The command line.

use crate::config::{environment, values};
use crate::observe::logging::Format;
use clap::ArgAction::Set;
use clap::{Arg, Command, CommandFactory, FromArgMatches, Parser, ValueEnum};
use ftp_adapter::{PassiveHost, PortMap};
use mux_core::ClientPrefix;
use mux_core::proxy::Networks;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// An FTP server that shares a few passive ports among many clients.
///
/// A passive port is taken per client address, and only from the reply to PASV or EPSV until the
/// client has connected: nine ports serve any number of clients, each with up to nine transfers
/// waiting to begin.
#[allow(rustdoc::broken_intra_doc_links, reason = "the texts are for the terminal")]
#[derive(Debug, Parser)]
#[command(name = "muxftpd", version, after_help = EXAMPLES, after_long_help = LONG_HELP)]
pub struct Options {
    /// The directory to serve; nothing outside of it can be reached
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,

    /// Let clients upload, rename and delete [default: read-only]
    ///
    /// Without this, every change is refused with 550 or 553. A user's entry in the users file may
    /// say otherwise for that user. Anonymous clients need no password: be sure that you want to
    /// let the whole network write.
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, value_name = "BOOL",
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub writable: bool,

    /// The users: a file in JSON
    ///
    /// A list of objects with username; password_hash, or pbkdf2_salt, pbkdf2_key and
    /// pbkdf2_iter, or password; and, if wanted, root, writable, allowed_ip_ranges and
    /// account_enabled. With users, anonymous clients are let in with --anonymous only.
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// Let anonymous clients in [default: unless there is --users]
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, value_name = "BOOL",
          default_missing_value = "true")]
    pub anonymous: Option<bool>,

    /// A certificate, followed by its chain, in PEM: offer TLS (AUTH TLS, PROT P)
    ///
    /// SIGHUP reads it and the key again, for the sessions from then on.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Refuse logins and data connections without TLS
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, value_name = "BOOL",
          default_value = "false", default_missing_value = "true", hide_default_value = true, requires_if("true", "tls_cert"))]
    pub tls_required: bool,

    /// Refuse data connections that do not resume the control connection's own TLS session
    ///
    /// Then nobody else behind the client's address can take a connection's place. A transfer
    /// whose data connection does not resume is refused. Not every client resumes.
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, value_name = "BOOL",
          default_value = "false", default_missing_value = "true", hide_default_value = true, requires_if("true", "tls_cert"))]
    pub tls_session_required: bool,

    /// Treat an upload over TLS as broken if the client does not end TLS (close_notify) before it
    /// closes the data connection
    ///
    /// Without this it is taken for complete: many clients just close. With it, nobody can cut
    /// an upload short unnoticed.
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, value_name = "BOOL",
          default_value = "false", default_missing_value = "true", hide_default_value = true)]
    pub tls_close_required: bool,

    /// Where to accept control connections that begin with TLS (implicit TLS, usually port 990);
    /// may be given several times
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',', requires = "tls_cert",
          value_parser = values::listener)]
    pub tls_listen: Vec<SocketAddr>,

    /// Where to accept control connections; may be given several times
    /// [default: 127.0.0.1:2121 and [::1]:2121]
    ///
    /// An IP address and a port, such as 192.0.2.1:21 or [2001:db8::1]:21. Passive ports are
    /// bound on the same IP addresses and on no others. [::] means all IPv6 addresses and
    /// 0.0.0.0 all IPv4 addresses: give both for both. Port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',', value_parser = values::listener)]
    pub listen: Vec<SocketAddr>,

    /// The proxies in front: networks and addresses, such as 10.0.0.0/8,192.0.2.7
    /// [default: none]
    ///
    /// Connections from there, to control ports and passive ports alike, must begin with a PROXY
    /// header of version 1 or 2 that names the client; without one they are refused. From elsewhere
    /// no header is believed.
    #[arg(long, value_name = "NETWORKS")]
    pub proxy_from: Option<Networks>,

    /// The passive ports: ports and ranges, such as 8192-8200,9000
    ///
    /// Open exactly these in your firewall. At most this many transfers of one client address
    /// can wait for their data connection at a time; different clients do not share the limit.
    /// Behind a NAT that forwards other ports, write those that clients reach first:
    /// 30000-30008=8192-8200.
    #[arg(long, value_name = "PORTS", default_value = "8192-8200")]
    pub passive_ports: PortMap,

    /// The address that replies to PASV name: auto, an IPv4 address, or a DNS name; or by
    /// client, such as 10.0.0.0/8=auto,ftp.example.org
    ///
    /// auto is the address that the client has connected to. Behind NAT or a load balancer, give
    /// the address that clients reach. A DNS name is resolved at the start and every 60 s. A host
    /// with several public addresses is written local:10.0.0.5=203.0.113.5,auto. With 0.0.0.0,
    /// many clients use the address that they have connected to; some fail.
    #[arg(long, value_name = "HOST", default_value = "auto")]
    pub passive_host: PassiveHost,

    /// Let data connections come from any address with the same first bits as the client's:
    /// so many of IPv4, or of IPv4 and IPv6, such as 24,64 [default: 32,128, the address itself]
    ///
    /// For clients behind a NAT that uses several addresses. All clients with the same bits share
    /// ports and limits, and can take each other's connections: use TLS with
    /// --tls-session-required.
    #[arg(long, value_name = "BITS", value_parser = values::client_prefix)]
    pub client_prefix: Option<ClientPrefix>,

    /// How long a client may take to connect after the reply to PASV or EPSV
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = values::positive)]
    pub reservation_ttl: Duration,

    /// How long PASV and EPSV wait for a free port before they are refused; 0s refuses at once
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = values::duration)]
    pub wait: Duration,

    /// How many reservations one client address may have pending [default: one on each port]
    #[arg(long, value_name = "NUMBER", value_parser = values::at_least_one)]
    pub max_pending_per_client: Option<NonZeroUsize>,

    /// How many client addresses may have reservations pending [default: no limit of its own]
    #[arg(long, value_name = "NUMBER", value_parser = values::at_least_one)]
    pub max_clients: Option<NonZeroUsize>,

    /// How many requests of one client address may wait for a port
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = values::whole_number::<usize>)]
    pub max_waiting_per_client: usize,

    /// How many requests of all clients together may wait for a port
    #[arg(long, value_name = "NUMBER", default_value_t = 16_384, value_parser = values::whole_number::<usize>)]
    pub max_waiting: usize,

    /// How many sessions there may be; further ones are told 421
    #[arg(long, value_name = "NUMBER", default_value = "10000", value_parser = values::at_least_one)]
    pub max_sessions: NonZeroUsize,

    /// How many sessions one client address may have (IPv6: one network of 64 bits)
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = values::at_least_one)]
    pub max_sessions_per_client: NonZeroUsize,

    /// How many wrong logins one client address may have within --login-window; 0 for any number
    ///
    /// Then its logins are refused, right or wrong, for that long. Ten times as many wrong logins
    /// for one user, from any addresses, have it refused where it has not logged in before.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = values::whole_number::<u32>)]
    pub max_login_failures: u32,

    /// How long wrong logins count, and how long logins are refused after too many
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = values::positive)]
    pub login_window: Duration,

    /// How long a client may take to log in
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = values::positive)]
    pub login_timeout: Duration,

    /// How long a session may be silent before it is closed
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = values::whole_seconds)]
    pub idle_timeout: Duration,

    /// How long a transfer may stand still before it is ended
    ///
    /// It moves as long as bytes come in, or the client acknowledges those that it was sent.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = values::positive)]
    pub stall_timeout: Duration,

    /// Whether TYPE A converts line ends, as RFC 959 asks; with false, files stay as they are
    #[arg(long, action = Set, num_args = 0..=1, require_equals = true, value_name = "BOOL",
          default_value = "true", default_missing_value = "true")]
    pub ascii_conversion: bool,

    /// How long to serve on after SIGINT or SIGTERM, while /readyz keeps new clients away
    ///
    /// Make it longer than a load balancer takes to notice. --metrics says where /readyz is.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = values::duration)]
    pub drain_delay: Duration,

    /// How long transfers may go on after SIGINT or SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = values::duration)]
    pub drain_timeout: Duration,

    /// What to log on standard error: off, error, warn, info, debug, trace, or a filter such as
    /// info,mux_core=debug [default: RUST_LOG, or info]
    #[arg(long, value_name = "FILTER", value_parser = values::log_filter)]
    pub log_level: Option<String>,

    /// How to log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub log_format: Format,

    /// Where to serve numbers for Prometheus, at /metrics: an address and a port, or a port on
    /// loopback [default: nowhere]
    ///
    /// There, /healthz says whether the program runs, and /readyz whether new clients should come.
    #[arg(long, value_name = "ADDR:PORT", value_parser = values::address)]
    pub metrics: Option<SocketAddr>,

    /// Read options from this file, in TOML, by the same names
    ///
    /// The command line and the environment override it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Look at everything but the ports, say whether a start would succeed, and exit
    #[arg(long)]
    pub check: bool,

    /// Read a password from standard input, print its hash for the users file, and exit
    #[arg(long)]
    pub hash_password: bool,

    /// Print the manual page, or the completions of a shell, and exit
    #[arg(long, value_name = "WHAT", value_enum, hide = true)]
    pub generate: Option<Generate>,
}

const EXAMPLES: &str = "\
Durations are written like 500ms, 15s, 2m or 1h 30m.

Example:
  muxftpd --root /srv/ftp --listen 192.0.2.1:21 --passive-ports 8192-8200";

const LONG_HELP: &str = "\
Durations are written like 500ms, 15s, 2m or 1h 30m.

Options may stand in the environment, too: --passive-ports as MUXFTPD_PASSIVE_PORTS, and so on.
An empty variable counts as none. The command line overrides the environment, and the environment
overrides the file.

Examples:
  A server for the local machine, in the current directory:
    muxftpd
  A public one, over IPv4 and IPv6, with nine passive ports:
    muxftpd --root /srv/ftp --listen 0.0.0.0:21 --listen '[::]:21' --passive-ports 8192-8200
  The same behind NAT:
    muxftpd --root /srv/ftp --listen 0.0.0.0:21 --passive-host ftp.example.org

When everything is bound, a summary is printed on standard output; its last line is `ready`.

SIGINT (Ctrl-C) or SIGTERM: accept no more clients, end idle sessions with 421, let transfers
finish, exit. A second one exits at once.

Exit status:
  0    stopped by a signal
  1    could not start; standard error says why, one line per reason
  2    wrong options
  130  a second SIGINT came while transfers were finishing (143: SIGTERM)";

impl Options {
    /// The command line, with the environment.
    pub fn command_line() -> Command {
        Self::command().mut_args(|arg| {
            let arg = if is_switch(&arg) { arg.value_parser(values::switch) } else { arg };
            match environment::variable(&arg) {
                Some(name) if environment::is_set(&name) => arg.env(name).hide_env(true),
                _ => arg,
            }
        })
    }

    /// Reads the command line and the environment.
    pub fn read<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let mut matches = Self::command_line().try_get_matches_from(arguments)?;
        Self::from_arg_matches_mut(&mut matches)
            .map_err(|error| error.format(&mut Self::command_line()))
    }

    /// Whether anonymous clients are let in.
    pub fn lets_anonymous_in(&self) -> bool {
        self.anonymous.unwrap_or(self.users.is_none())
    }
}

/// What [`Options::generate`] can print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// Whether an option may stand without a value, and its value is true or false.
pub fn is_switch(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|number| number.min_values() == 0 && number.max_values() == 1)
}

/// Options that say what this one start is to do. They are nothing for the environment, nor for a
/// file.
const FOR_ONE_START: [&str; 5] = ["check", "hash-password", "generate", "help", "version"];

/// Whether an option is for every start.
pub fn is_lasting(arg: &Arg) -> bool {
    arg.get_long().is_some_and(|long| !FOR_ONE_START.contains(&long))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::read([&["muxftpd"], arguments].concat())
    }

    #[test]
    fn the_definition_is_consistent() {
        Options::command_line().debug_assert();
    }

    #[test]
    fn every_lasting_option_may_stand_in_the_environment() {
        let command = Options::command_line();
        let name = |id: &str| {
            let arg = command.get_arguments().find(|arg| arg.get_id() == id).unwrap();
            environment::variable(arg)
        };
        assert_eq!(name("passive_ports").as_deref(), Some("MUXFTPD_PASSIVE_PORTS"));
        assert_eq!(name("config").as_deref(), Some("MUXFTPD_CONFIG"));
        assert_eq!(name("check"), None);
    }

    #[test]
    fn what_requires_tls_requires_a_certificate() {
        for option in ["--tls-required", "--tls-session-required", "--tls-listen=127.0.0.1:990"] {
            let error = parse(&[option]).unwrap_err().to_string();
            assert!(error.contains("--tls-cert"), "{error}");
        }
        parse(&["--tls-required=false"]).unwrap();
        parse(&["--tls-required", "--tls-cert=c.pem", "--tls-key=k.pem"]).unwrap();
    }

    #[test]
    fn the_defaults_are_those_that_the_help_names() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.root, PathBuf::from("."));
        assert!(!options.writable);
        assert!(options.listen.is_empty());
        assert_eq!(options.passive_ports.listened().to_string(), "8192-8200");
        assert_eq!(options.passive_host, PassiveHost::Auto);
        assert_eq!(options.reservation_ttl, Duration::from_secs(15));
        assert_eq!(options.wait, Duration::from_secs(2));
        assert_eq!(options.idle_timeout, Duration::from_secs(600));
        assert_eq!(options.drain_timeout, Duration::from_secs(30));
        assert_eq!(options.log_level, None);
        assert!(options.lets_anonymous_in());
        assert!(options.tls_cert.is_none() && !options.tls_required);
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(&[
            "--root=/srv",
            "--writable",
            "--listen=127.0.0.1:0",
            "--listen=[::1]:0",
            "--passive-ports=9000,8192-8193",
            "--passive-host=ftp.example.org",
            "--reservation-ttl=500ms",
            "--wait=0s",
            "--idle-timeout=1h 30m",
            "--drain-timeout=0s",
            "--log-level=debug",
        ])
        .unwrap();
        assert!(options.writable);
        assert_eq!(options.listen.len(), 2);
        assert_eq!(options.passive_ports.listened().to_string(), "8192-8193,9000");
        assert_eq!(options.passive_host, PassiveHost::Name("ftp.example.org".to_owned()));
        assert_eq!(options.reservation_ttl, Duration::from_millis(500));
        assert_eq!(options.wait, Duration::ZERO);
        assert_eq!(options.idle_timeout, Duration::from_secs(5400));
        assert_eq!(options.drain_timeout, Duration::ZERO);
        assert_eq!(options.log_level.as_deref(), Some("debug"));
    }

    #[test]
    fn a_switch_may_be_given_a_value() {
        assert!(parse(&["--writable"]).unwrap().writable);
        assert!(parse(&["--writable=true"]).unwrap().writable);
        assert!(!parse(&["--writable=false"]).unwrap().writable);
    }

    #[test]
    fn with_users_anonymous_clients_are_let_in_on_request_only() {
        assert!(!parse(&["--users=users.json"]).unwrap().lets_anonymous_in());
        assert!(parse(&["--users=users.json", "--anonymous"]).unwrap().lets_anonymous_in());
        assert!(!parse(&["--anonymous=false"]).unwrap().lets_anonymous_in());
    }

    #[test]
    fn a_prefix_is_of_ipv4_or_of_both() {
        let prefix = |text| parse(&["--client-prefix", text]).unwrap().client_prefix.unwrap();
        assert_eq!(prefix("24"), ClientPrefix::new(24, 128).unwrap());
        assert_eq!(prefix("/24, /64"), ClientPrefix::new(24, 64).unwrap());
    }

    #[test]
    fn ports_may_be_mapped() {
        let ports = parse(&["--passive-ports=30000-30008=8192-8200"]).unwrap().passive_ports;
        assert_eq!(ports.listened().to_string(), "8192-8200");
        assert_eq!(ports.exposed(8192), Some(30_000));
    }

    #[test]
    fn wrong_values_are_refused_with_a_reason() {
        for (argument, reason) in [
            ("--passive-ports=0", "port 0 cannot be listened on"),
            ("--passive-ports=9-8", "ends before it starts"),
            ("--passive-ports=30000-30008=8192", "9"),
            ("--client-prefix=0", "1 to 32 for IPv4"),
            ("--client-prefix=24,64,1", "write one like"),
            ("--tls-listen=0.0.0.0:990", "--tls-cert"),
            ("--tls-cert=cert.pem", "--tls-key"),
            ("--max-clients=0", "from 1 on"),
            ("--neighbours=24", "unexpected argument"),
            ("--passive-host=::1", "IPv6 clients use EPSV"),
            ("--passive-host=224.0.0.1", "no client can connect"),
            ("--reservation-ttl=0s", "longer than 0s"),
            ("--idle-timeout=1500ms", "whole seconds"),
            ("--wait=-1s", "write durations like"),
            ("--wait=3", "write durations like"),
            ("--wait=8d", "at most 7d"),
            ("--log-level=a=b=c", "is not a log filter"),
            ("--listen=2121", "write an IP address and a port"),
            ("--listen=localhost:21", "write an IP address and a port"),
        ] {
            let error = parse(&[argument]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{argument}");
            assert!(error.to_string().contains(reason), "{argument}: {error}");
        }
    }
}
