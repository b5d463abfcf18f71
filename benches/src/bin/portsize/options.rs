//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::holding::{Connect, Holding};
use crate::log::{DateOrder, Format, Reading};
use crate::picture::Picture;
use crate::population::Population;
use crate::quantity::{Nat, Rate, Share, Widths, count, duration, positive};
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
    #[arg(long, value_name = "N", value_parser = number::<u32, 1, 1_000_000>,
        help_heading = CLIENTS)]
    pub(crate) clients: Option<u32>,

    /// How many sessions (control connections) each of the --clients has [default: 1]
    #[arg(long, value_name = "N", value_parser = number::<u32, 1, 1_000_000>,
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

    /// All clients come within this time: each session asks for --files ports, at random moments
    #[arg(long, value_name = "DURATION", value_parser = positive, help_heading = CLIENTS)]
    pub(crate) burst: Option<Duration>,

    /// How often each session asks for a port in a --burst [default: 10]
    #[arg(long, value_name = "N", value_parser = number::<u32, 1, 1_000_000>,
        requires = "burst", help_heading = CLIENTS)]
    pub(crate) files: Option<u32>,

    /// How many ports a client program asks for at the same moment [default: 1]
    #[arg(long, value_name = "N", value_parser = number::<u32, 1, 1000>,
        help_heading = CLIENTS)]
    pub(crate) parallel: Option<u32>,

    /// Take the requests from a log instead, of one or more files, also packed with gzip or zstd;
    /// - is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = LOG,
        conflicts_with_all = ["clients", "sessions", "nat", "rate", "burst", "files", "parallel"])]
    pub(crate) log: Vec<PathBuf>,

    /// The log's format, where portsize cannot tell
    #[arg(long, help_heading = LOG)]
    pub(crate) format: Option<Format>,

    /// How dates like 01/02/2026 are meant, if the log itself does not tell
    #[arg(long, value_name = "ORDER", help_heading = LOG)]
    pub(crate) dates: Option<DateOrder>,

    /// Count host names as clients too, one address for each
    #[arg(long, help_heading = LOG)]
    pub(crate) client_names: bool,

    /// What if everything came so many times as fast?
    #[arg(long, value_name = "FACTOR", value_parser = factor, help_heading = WHAT_IF)]
    pub(crate) times: Option<f64>,

    /// What if the N busiest clients of the log were behind one address?
    #[arg(long, value_name = "N", value_parser = number::<u32, 2, 1_000_000>,
        num_args = 0..=1, default_missing_value = "10", help_heading = WHAT_IF)]
    pub(crate) behind_one: Option<u32>,

    /// The time from the reply to the client's connection: 200ms (always), exp:200ms
    /// (exponential, the mean) or lognormal:100ms,500ms (half are faster, 95 of 100 are faster)
    /// [default: what the log tells, or lognormal:100ms,500ms]
    #[arg(long, value_name = "TIME", help_heading = PORTS)]
    pub(crate) connect: Option<Connect>,

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
    #[arg(long, value_name = "SHARE", default_value = "0.1%", value_parser = target,
        help_heading = GOAL)]
    pub(crate) target: Share,

    /// The longest that 99 of 100 requests may take to get their port
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = GOAL)]
    pub(crate) wait_target: Option<Duration>,

    /// What if there were so many ports? Numbers such as 9, 5,9,20 or 1-12
    /// [default: those that matter]
    #[arg(long, value_name = "LIST", help_heading = WHAT_IF)]
    pub(crate) ports: Option<Widths>,

    /// Also drive a real multiplexer over loopback, for a minute or so
    #[arg(long, help_heading = "How")]
    pub(crate) live: bool,

    /// How many requests each live measurement makes
    #[arg(long, value_name = "N", default_value_t = 2000, requires = "live",
        value_parser = number::<u32, 100, 1_000_000>, help_heading = "How")]
    pub(crate) live_requests: u32,

    /// How many requests each simulated figure rests on [default: what the target needs]
    #[arg(long, value_name = "N", value_parser = number::<u64, 1000, 1_000_000_000>,
        help_heading = "How")]
    pub(crate) requests: Option<u64>,

    /// The same seed gives the same simulation
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "How")]
    pub(crate) seed: u64,

    /// Also draw what is refused on how many ports; the name ends with .svg or .png
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) picture: Option<Picture>,

    /// Also draw the log's busiest hour and its busiest clients
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) busy_picture: Option<Picture>,

    /// Print one JSON object instead of tables
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

const CLIENTS: &str = "Your clients";
const LOG: &str = "Your log";
const WHAT_IF: &str = "What if";
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
  Your own log, also packed, of vsftpd, ProFTPD, Pure-FTPd, FileZilla Server, IIS, SFTPGo,
  pyftpdlib, AWS Transfer or muxftpd, also by way of syslog, journald or a container; or a table
  of times and client addresses:
    portsize --log /var/log/xferlog
    portsize --log /var/log/xferlog /var/log/xferlog.*.gz
    kubectl logs ftp-0 --timestamps | portsize --log -
  What if the traffic of the log doubled?
    portsize --log /var/log/xferlog --times 2
  What if its ten busiest clients were behind one address?
    portsize --log /var/log/xferlog --behind-one 10
  What if there were nine ports?
    portsize --log /var/log/xferlog --ports 9
  Figures for a report, with a real multiplexer as the third witness:
    portsize --clients 300 --rate 1/s --live --json > sizing.json

Requests are taken as independent of each other, except for --parallel. A log is replayed as it
is: each PASV and EPSV is a request, or if it has none, each transfer, made when it began. Where a
log knows whole seconds, the request is at a random moment of its second. Doubts about a log
come before the figures of the answer.

Exit status:
  0    there is an answer
  1    something failed, such as reading the log; standard error says what
  2    wrong options";

/// Reads a number of things.
fn number<N: TryFrom<u64>, const LEAST: u64, const MOST: u64>(text: &str) -> Result<N, String> {
    let number = text.parse::<u64>().ok().filter(|number| (LEAST..=MOST).contains(number));
    let number = number.and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| format!("write a whole number from {} to {}", count(LEAST), count(MOST)))
}

/// Reads the share that may be refused.
fn target(text: &str) -> Result<Share, String> {
    let share: Share = text.parse()?;
    match share.0 {
        0.0 => Err("no number of ports promises that nothing is ever refused: give a share above \
                    0%"
        .to_owned()),
        share if share < 1e-6 => Err("a simulation cannot show less than 0.0001%".to_owned()),
        _ => Ok(share),
    }
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.strip_prefix('x').or_else(|| text.strip_suffix('x')).unwrap_or(text);
    match factor.parse::<f64>() {
        Ok(factor) if (0.01..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("write how many times as fast, such as 2 or 1.5".to_owned()),
    }
}

impl Options {
    /// Who asks, if that is described and not recorded.
    pub(crate) fn described(&self) -> Option<Source> {
        if !self.log.is_empty() {
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

    /// How long ports are taken, unless a log tells.
    pub(crate) fn holding(&self) -> Holding {
        let connect = self.connect.unwrap_or(Connect::ASSUMED);
        Holding { connect, never: self.never.0, ttl: self.ttl }
    }

    /// How logs are to be read.
    pub(crate) fn reading(&self) -> Reading {
        Reading { format: self.format, dates: self.dates, names: self.client_names }
    }

    /// What no single option shows to be wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        let about_a_log = [
            (self.format.is_some(), "--format"),
            (self.dates.is_some(), "--dates"),
            (self.client_names, "--client-names"),
            (self.behind_one.is_some(), "--behind-one"),
            (self.busy_picture.is_some(), "--busy-picture"),
        ];
        if self.log.is_empty()
            && let Some((_, option)) = about_a_log.iter().find(|(given, _)| *given)
        {
            return Err(format!("{option} is about a log: give --log FILE too"));
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
        if self.holding().connect.usual() >= self.ttl {
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
        if let (Some(one), Some(other)) = (&self.picture, &self.busy_picture)
            && one == other
        {
            return Err(
                "--picture and --busy-picture would draw to the same file: give two".to_owned()
            );
        }
        if self.log.is_empty() && self.clients.is_none() && self.nat.is_empty() {
            return Err("say who your clients are: --clients N, --nat ADDRESSESxSESSIONS or \
                        --log FILE (--help says more)"
                .to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

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
        for arguments in ["--clients 300", "--nat 1x400", "--log -", "--log a b --behind-one"] {
            parse(arguments).unwrap();
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (arguments, reason) in [
            ("", "say who your clients are"),
            ("--clients 0", "write a whole number from 1 to 1,000,000"),
            ("--clients many", "write a whole number from 1 to 1,000,000"),
            ("--target 0", "no number of ports"),
            ("--wait 0s --wait-target 1s", "leave --wait-target out"),
            ("--log x --picture a.svg --busy-picture a.svg", "to the same file"),
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
            ("--clients 3 --behind-one 10", "--log"),
            ("--log x --behind-one 1", "a whole number from 2"),
            ("--log x --times twice", "such as 2 or 1.5"),
            ("--clients 3 --picture a.jpg", "end its name with .svg or .png"),
            ("--clients 3 --connect 20s", "longer than the time in --connect"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert!(error.contains(reason), "{arguments}: {error}");
        }
    }
}
