//! The command line.

use crate::kind::ServerKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Compares FTP servers by cycles of PASV, data connection, RETR of one byte and 226.
#[derive(Debug, Parser)]
#[command(name = "cycles", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// The servers to compare, as MECHANISM-PORTS[-nodelay]
    ///
    /// muxftpd-N: muxftpd on N passive ports. default-N: libunftp with one port per session, of
    /// N. pooled-N: libunftp's own sharing of N ports. As shipped, libunftp leaves Nagle's
    /// algorithm on for its control connections and logs to the `log` crate, where nobody listens; with
    /// -nodelay, the control connections have TCP_NODELAY, and nothing is logged, as in muxftpd.
    #[arg(long, value_delimiter = ',', value_name = "SERVERS", default_values = DEFAULT_SERVERS)]
    pub(crate) servers: Vec<ServerKind>,

    /// The server that the ratios refer to; added if it is not among the servers
    #[arg(long, value_name = "SERVER", default_value = "default-2700-nodelay")]
    pub(crate) baseline: ServerKind,

    /// What clients do after each read: leave acknowledging to the kernel, or ask for quick ones
    #[arg(long, value_delimiter = ',', value_name = "KINDS", default_values = ["ordinary", "quickack"])]
    pub(crate) acks: Vec<Acks>,

    /// How often each server is measured with each kind of client
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// How long one measurement takes
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub(crate) seconds: f64,

    /// How long every server is warmed up, with each kind of client, before the first round
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub(crate) warm_up: f64,

    /// How many clients there are at a time, each with an address and a session of its own
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) clients: u16,

    /// Ask for ports with EPSV
    #[arg(long)]
    pub(crate) epsv: bool,

    /// The first of the ports that the servers use: one each for control, and the passive ones
    #[arg(long, default_value_t = 20_000)]
    pub(crate) first_port: u16,

    /// The muxftpd program [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) muxftpd: Option<PathBuf>,

    /// Also write every measurement to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Starts every server through this command, such as a tracer
    #[arg(long, value_name = "COMMAND", hide = true)]
    pub(crate) through: Option<String>,

    #[command(subcommand)]
    pub(crate) hidden: Option<Hidden>,
}

const DEFAULT_SERVERS: [&str; 7] = [
    "muxftpd-9",
    "default-2700-nodelay",
    "default-9-nodelay",
    "pooled-9-nodelay",
    "default-2700",
    "default-9",
    "pooled-9",
];

/// How a client acknowledges what it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Acks {
    /// As the kernel likes: often delayed.
    Ordinary,
    /// `TCP_QUICKACK` after each read.
    Quickack,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hidden {
    /// Runs one of the compared servers
    #[command(hide = true)]
    Peer(Peer),
}

/// How a peer is run.
#[derive(Debug, Args)]
pub(crate) struct Peer {
    pub(crate) kind: ServerKind,
    pub(crate) control: SocketAddr,
    pub(crate) first_passive_port: u16,
    pub(crate) root: PathBuf,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds, from 0.01 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
        let options = Options::parse_from(["cycles"]);
        assert!(options.servers.contains(&options.baseline));
        assert_eq!(options.acks, [Acks::Ordinary, Acks::Quickack]);
    }
}
