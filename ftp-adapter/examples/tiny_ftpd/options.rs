//! The command line. The options are those of `muxftpd`, where it has them.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ftp_adapter::{PassiveHost, PortMap};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A small FTP server on shared passive ports, made with ftp-adapter and without libunftp.
#[derive(Debug, Parser)]
#[command(name = "tiny_ftpd", version)]
pub(crate) struct Options {
    /// The directory to serve; nothing outside of it can be reached
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) root: PathBuf,

    /// Let clients upload, rename and delete [default: read-only]
    #[arg(long)]
    pub(crate) writable: bool,

    /// Where to accept control connections; may be given several times
    /// [default: 127.0.0.1:2121 and [::1]:2121]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Vec<SocketAddr>,

    /// The passive ports, such as 8192-8200,9000; behind a NAT that forwards other ports, the
    /// exposed ones first: 30000-30008=8192-8200
    #[arg(long, value_name = "PORTS", default_value = "8192-8200")]
    pub(crate) passive_ports: PortMap,

    /// The address that replies to PASV name: auto, an IPv4 address, or a DNS name; or by
    /// client, such as 10.0.0.0/8=auto,ftp.example.org
    #[arg(long, value_name = "HOST", default_value = "auto")]
    pub(crate) passive_host: PassiveHost,

    /// How long a client may take to connect after the reply to PASV or EPSV
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive)]
    pub(crate) reservation_ttl: Duration,

    /// How long PASV and EPSV wait for a free port before they are refused; 0s refuses at once
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub(crate) wait: Duration,

    /// How long a session, or the other end of a transfer, may be silent before it is closed
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = positive)]
    pub(crate) idle_timeout: Duration,

    /// How long transfers may go on after SIGINT or SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) drain_timeout: Duration,

    /// A certificate, followed by its chain, in PEM: offer TLS (AUTH TLS, PROT P)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Refuse logins and data connections without TLS
    #[arg(long, requires = "tls_cert")]
    pub(crate) tls_required: bool,

    /// Refuse data connections that do not resume the control connection's own TLS session
    #[arg(long, requires = "tls_cert")]
    pub(crate) tls_session_required: bool,

    /// What to log on standard error: a level, or a filter such as info,mux_core=debug
    /// [default: RUST_LOG, or info]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log_level: Option<String>,
}

impl Options {
    /// Ends the program as a wrong option does.
    pub(crate) fn wrong(message: impl Display) -> ! {
        Self::command().error(ErrorKind::InvalidValue, message).exit()
    }
}

/// Longer ones are slips of the pen.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => Err("at most 7d is allowed".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write durations like 500ms, 15s or 2m")),
    }
}

fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}
