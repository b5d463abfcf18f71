//! The command line.

use crate::effort::Effort;
use crate::servers::Peer;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compares the multiplexer and muxftpd with others that do the same, side by side in one run
///
/// Writes a report with pictures, and every figure as JSON. Only ratios within one run mean
/// anything; they come with their median over the rounds and its 95 % confidence interval.
#[derive(Debug, Parser)]
#[command(name = "compare", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Fewer sizes and rounds: within ten minutes on two processors
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only to see that everything runs: tiny sizes, figures that mean nothing
    #[arg(long, conflicts_with = "quick")]
    pub(crate) smoke: bool,

    /// Measure these parts alone
    #[arg(long, value_delimiter = ',', value_name = "PARTS", default_values_t = Part::ALL)]
    pub(crate) only: Vec<Part>,

    /// How often each contestant is measured
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: Option<u32>,

    /// Where the report goes; made if it is not there
    #[arg(long, value_name = "DIRECTORY", default_value = "target/compare")]
    pub(crate) output: PathBuf,

    /// What the order of the contestants is drawn from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// The first of the ports that the servers use: one each for control, and the passive ones
    #[arg(long, default_value_t = 20_000)]
    pub(crate) first_port: u16,

    /// Compare these servers alone: muxftpd-9,vsftpd-1000 and so on
    #[arg(long, value_delimiter = ',', value_name = "SERVERS")]
    pub(crate) servers: Option<Vec<String>>,

    /// Measure these operations of servers alone: those with one of these texts in their name
    #[arg(long, value_delimiter = ',', value_name = "TEXTS")]
    pub(crate) operations: Option<Vec<String>>,

    /// Another muxftpd to compare with: the program of an earlier version
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) against: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) hidden: Option<Hidden>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hidden {
    /// Runs one of the compared servers
    #[command(hide = true)]
    Peer(Peer),
}

/// A part of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The reservation table beside maps
    Table,
    /// The mux's deliveries beside plain listeners
    Sockets,
    /// Very many reservations pending at the same time
    Scale,
    /// muxftpd beside libunftp and other servers: short transfers and bulk
    Servers,
    /// The same while strangers connect to the passive ports
    Strangers,
}

impl Part {
    const ALL: [Self; 5] =
        [Self::Table, Self::Sockets, Self::Scale, Self::Servers, Self::Strangers];
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value().expect("no part is hidden");
        f.write_str(value.get_name())
    }
}

impl Options {
    pub(crate) fn effort(&self) -> Effort {
        let mut effort = match (self.smoke, self.quick) {
            (true, _) => Effort::smoke(),
            (_, true) => Effort::quick(),
            _ => Effort::full(),
        };
        effort.rounds = self.rounds.unwrap_or(effort.rounds);
        if let Some(servers) = &self.servers {
            effort.servers.kinds.clone_from(servers);
        }
        effort.servers.operations.clone_from(&self.operations);
        effort
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
        assert_eq!(Options::parse_from(["compare"]).only, Part::ALL);
    }
}
