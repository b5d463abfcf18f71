//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::holding::{Connect, Holding};
use crate::log::Format;
use crate::picture::Picture;
use crate::population::Population;
use crate::quantity::{Nat, Rate, Share, Widths, duration, positive};
use crate::workload::Source;

/// Says how many passive ports keep refusals, or waiting, below a target.
///
/// Describe your clients, or give a log of your server. The answer comes three times, to be
/// compared: from Erlang's formulas, from a simulation that runs the multiplexer's own
/// reservation table, and with --live from a real multiplexer and real connections on loopback.
#[derive(Debug, Parser)]
#[command(name = "portsize", version, after_help = EXAMPLES, after_long_help = LONG_HELP)]
pub(crate) struct Options {
    /// How many client addresses there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        help_heading = CLIENTS)]
    pub(crate) clients: Option<u32>,

    /// How many sessions (control connections) each of the --clients has [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        requires = "clients", help_heading = CLIENTS)]
    pub(crate) sessions: Option<u32>,

    /// Also addresses with many sessions behind each: 3x400 is three with 400 sessions each;
    /// may be given several times
    #[arg(long, value_name = "ADDRESSESxSESSIONS", help_heading = CLIENTS)]
    pub(crate) nat: Vec<Nat>,

    /// How often each session asks for a port, steadily [default: 6/min]
    ///
    /// Every file is one request, and so is every listing of a directory.
    #[arg(long, value_name = "RATE", conflicts_with = "burst", help_heading = CLIENTS)]
    pub(crate) rate: Option<Rate>,

    /// Everybody comes within this time: each session asks for --files ports, at random moments
    #[arg(long, value_name = "DURATION", value_parser = positive, help_heading = CLIENTS)]
    pub(crate) burst: Option<Duration>,

    /// How often each session asks for a port in a --burst [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        requires = "burst", help_heading = CLIENTS)]
    pub(crate) files: Option<u32>,

    /// How many ports a client program asks for at the same moment [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000),
        help_heading = CLIENTS)]
    pub(crate) parallel: Option<u32>,

    /// Take the requests from a log instead; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Your log",
        conflicts_with_all = ["clients", "sessions", "nat", "rate", "burst", "files", "parallel"])]
    pub(crate) log: Option<PathBuf>,

    /// The log's format, if it is not to be guessed
    #[arg(long, help_heading = "Your log")]
    pub(crate) format: Option<Format>,

    /// The time from the reply to the client's connection: 200ms (always), exp:200ms
    /// (exponential, the mean) or lognormal:100ms,500ms (half are faster, 95 of 100 are faster)
    #[arg(long, value_name = "TIME", default_value = "lognormal:100ms,500ms",
        help_heading = PORTS)]
    pub(crate) connect: Connect,

    /// The share of replies after which nobody connects
    #[arg(long, value_name = "SHARE", default_value = "1%", help_heading = PORTS)]
    pub(crate) never: Share,

    /// How long a port is kept for a client that does not connect
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive,
        help_heading = PORTS)]
    pub(crate) ttl: Duration,

    /// How long a request waits for a port before it is refused; 0s refuses at once
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration,
        help_heading = PORTS)]
    pub(crate) wait: Duration,

    /// The largest share of requests that may be refused
    #[arg(long, value_name = "SHARE", default_value = "0.1%", help_heading = GOAL)]
    pub(crate) target: Share,

    /// The longest that 99 of 100 requests may take to get their port
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = GOAL)]
    pub(crate) wait_target: Option<Duration>,

    /// The numbers of ports to look at, such as 9, 5,9,20 or 1-12 [default: those that matter]
    #[arg(long, value_name = "LIST", help_heading = GOAL)]
    pub(crate) ports: Option<Widths>,

    /// Also drive a real multiplexer over loopback, for a minute or so
    #[arg(long, help_heading = "How")]
    pub(crate) live: bool,

    /// How many requests each live measurement makes
    #[arg(long, value_name = "N", default_value_t = 2000, requires = "live",
        value_parser = clap::value_parser!(u32).range(100..=1_000_000), help_heading = "How")]
    pub(crate) live_requests: u32,

    /// How many requests each simulated figure rests on [default: what the target needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1000..=1_000_000_000),
        help_heading = "How")]
    pub(crate) requests: Option<u64>,

    /// The same seed gives the same simulation
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "How")]
    pub(crate) seed: u64,

    /// Also draw a picture; its name ends with .svg or .png
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) picture: Option<Picture>,

    /// Print one JSON object instead of tables
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

const CLIENTS: &str = "Your clients";
const PORTS: &str = "How long a port is taken";
const GOAL: &str = "What is wanted";

const EXAMPLES: &str = "\
Examples:
  portsize --clients 300
  portsize --clients 300 --burst 1h --files 20 --ports 9
  portsize --clients 50 --nat 2x400 --rate 2/min --target 0.01%
  portsize --log /var/log/xferlog

--help says more.";

const LONG_HELP: &str = "\
Examples:
  300 clients with addresses of their own, each transferring a file every ten seconds:
    portsize --clients 300
  300 partners who all send 20 files in the same hour; are nine ports enough?
    portsize --clients 300 --burst 1h --files 20 --ports 9
  50 single clients, and two offices of 400 people behind one address each:
    portsize --clients 50 --nat 2x400 --rate 2/min --target 0.01%
  Programs that open five connections at the same moment, on slow networks:
    portsize --clients 40 --sessions 5 --parallel 5 --connect lognormal:300ms,3s
  Your own log, also packed (xferlog of vsftpd, ProFTPD and wu-ftpd; vsftpd.log; muxftpd's log
  in JSON; CSV of time and client address):
    portsize --log /var/log/xferlog
    zcat xferlog.*.gz | portsize --log -
  Figures for a report, with a real multiplexer as the third witness:
    portsize --clients 300 --rate 1/s --live --json > sizing.json

Requests are taken as independent of each other, except for --parallel. A log is replayed as it
is: each transfer is one request, made when the transfer began. Where a log knows whole seconds,
the request is at a random moment of its second.

Exit status:
  0    there is an answer
  1    something failed, such as reading the log; standard error says what
  2    wrong options";

impl Options {
    /// Who asks, if that is described and not recorded.
    pub(crate) fn described(&self) -> Option<Source> {
        if self.log.is_some() {
            return None;
        }
        let singles =
            Nat { addresses: self.clients.unwrap_or(0), sessions: self.sessions.unwrap_or(1) };
        let population = Population::new([singles].into_iter().chain(self.nat.iter().copied()));
        let parallel = self.parallel.unwrap_or(1);
        Some(match self.burst {
            Some(window) => {
                Source::Burst { population, window, files: self.files.unwrap_or(10), parallel }
            }
            None => {
                let per_second = self.rate.map_or(0.1, |rate| rate.per_second);
                Source::Steady { population, per_second, parallel }
            }
        })
    }

    pub(crate) fn holding(&self) -> Holding {
        Holding { connect: self.connect, never: self.never.0, ttl: self.ttl }
    }

    /// What no single option shows to be wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.log.is_none() && self.clients.is_none() && self.nat.is_empty() {
            return Err("say who your clients are: --clients N, --nat ADDRESSESxSESSIONS or \
                        --log FILE"
                .to_owned());
        }
        if self.format.is_some() && self.log.is_none() {
            return Err("--format is about a log: give --log FILE too".to_owned());
        }
        if self.target.0 == 0.0 {
            return Err("no number of ports promises that nothing is ever refused: give a \
                        --target above 0%"
                .to_owned());
        }
        if self.target.0 < 1e-6 {
            return Err("a simulation cannot show a --target below 0.0001%".to_owned());
        }
        if let (Some(target), false) = (self.wait_target, self.wait.is_zero())
            && target >= self.wait
        {
            return Err("--wait-target must be shorter than --wait: nobody waits longer than \
                        that anyway"
                .to_owned());
        }
        if self.wait_target.is_some() && self.wait.is_zero() {
            return Err("with --wait 0s nobody waits, so leave --wait-target out".to_owned());
        }
        if self.connect.usual() >= self.ttl {
            return Err("clients would connect when their port is no longer kept: give a --ttl \
                        longer than the time in --connect"
                .to_owned());
        }
        let sessions = match self.described() {
            Some(Source::Steady { population, .. }) => population.sessions(),
            Some(Source::Burst { population, files, .. }) => {
                population.sessions() * u64::from(files)
            }
            Some(Source::Recorded(_)) | None => 0,
        };
        if sessions > 100_000_000 {
            return Err("these are more sessions than can be simulated: at most 100,000,000 \
                        sessions, or files of a --burst"
                .to_owned());
        }
        if let Some(requests) = self.requests {
            let needed = (4.0 / self.target.0).ceil() as u64;
            if requests < needed {
                return Err(format!(
                    "--requests {requests} cannot show a --target of {}: give at least {needed}",
                    self.target
                ));
            }
        }
        Ok(())
    }

    /// Ends the program as a wrong option does.
    pub(crate) fn wrong(message: &str) -> ! {
        Self::command().error(ErrorKind::ValueValidation, message).exit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Result<Options, String> {
        let arguments = ["portsize"].into_iter().chain(arguments.split_whitespace());
        let options = Options::try_parse_from(arguments).map_err(|error| error.to_string())?;
        options.check()?;
        Ok(options)
    }

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn one_option_is_enough() {
        for arguments in ["--clients 300", "--nat 1x400", "--log -"] {
            parse(arguments).unwrap();
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (arguments, reason) in [
            ("", "say who your clients are"),
            ("--clients 0", "0 is not in 1..=1000000"),
            ("--clients many", "invalid digit"),
            ("--clients 3 --log x", "cannot be used with"),
            ("--sessions 3", "--clients"),
            ("--files 3 --clients 3", "--burst"),
            ("--clients 3 --rate 1/min --burst 1h", "cannot be used with"),
            ("--clients 3 --rate fast", "write rates like 6/min"),
            ("--clients 3 --connect soon", "exp:200ms"),
            ("--clients 3 --never 100%", "not a share"),
            ("--clients 3 --ttl 0s", "longer than 0s"),
            ("--clients 3 --target 0%", "no number of ports"),
            ("--clients 3 --target 0.00001%", "cannot show"),
            ("--clients 3 --target 0.1% --requests 1000", "at least 4000"),
            ("--clients 3 --wait-target 3s", "shorter than --wait"),
            ("--clients 3 --wait 0s --wait-target 1s", "leave --wait-target out"),
            ("--clients 3 --ports 0", "0 ports serve nobody"),
            ("--nat 400", "write 3x400"),
            ("--nat 1000000x1000000", "at most 100,000,000"),
            ("--clients 3 --format csv", "--log"),
            ("--clients 3 --picture a.jpg", "end its name with .svg or .png"),
            ("--clients 3 --connect 20s", "longer than the time in --connect"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert!(error.contains(reason), "{arguments}: {error}");
        }
    }
}
