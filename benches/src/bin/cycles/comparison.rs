//! The whole run: all servers side by side, measured in turn.

use crate::client::{Client, FILE};
use crate::kind::ServerKind;
use crate::options::Options;
use crate::round::{Round, measure};
use crate::server::{Server, Setup};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::{env, fs, io};

/// All measurements.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) baseline: ServerKind,
    /// In the order in which they were made; those of round 0 are the warm-up.
    pub(crate) rounds: Vec<Round>,
}

/// One server and its clients.
struct Contestant {
    clients: Vec<Client>,
    server: Server,
}

/// Starts the servers, measures them, and stops them.
pub(crate) fn run(options: &Options) -> io::Result<Comparison> {
    // Servers inherit it; each client has a descriptor for every server.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;

    let root = tempfile::tempdir()?;
    fs::write(root.path().join(FILE), "1")?;
    let setup = Setup {
        root: root.path().to_owned(),
        muxftpd: muxftpd(options)?,
        through: options
            .through
            .iter()
            .flat_map(|line| line.split_whitespace())
            .map(str::to_owned)
            .collect(),
    };
    let mut kinds = options.servers.clone();
    if !kinds.contains(&options.baseline) {
        kinds.push(options.baseline);
    }

    let mut contestants = Vec::new();
    let mut port = options.first_port;
    for kind in kinds {
        contestants.push(Contestant::start(kind, &setup, port, options)?);
        port = port
            .checked_add(kind.ports + 1)
            .ok_or_else(|| io::Error::other("too many ports: lower --first-port"))?;
    }
    let mut rounds = Vec::new();
    for number in 0..=options.rounds {
        let seconds = if number == 0 { options.warm_up } else { options.seconds };
        for acks in &options.acks {
            for contestant in &mut contestants {
                let Contestant { clients, server } = contestant;
                let round = measure(server, clients, *acks, number, seconds)?;
                progress(&round, options.rounds);
                rounds.push(round);
            }
        }
    }
    Ok(Comparison { baseline: options.baseline, rounds })
}

impl Contestant {
    fn start(
        kind: ServerKind,
        setup: &Setup,
        first_port: u16,
        options: &Options,
    ) -> io::Result<Self> {
        let server = Server::start(kind, setup, first_port)?;
        let clients = (0..options.clients)
            .map(|number| Client::log_in(address(number), server.address, options.epsv))
            .collect::<io::Result<_>>()?;
        eprintln!("{kind} is ready");
        Ok(Self { clients, server })
    }
}

/// Where client `number` comes from.
fn address(number: u16) -> Ipv4Addr {
    let [high, low] = (number + 1).to_be_bytes();
    Ipv4Addr::new(127, 77, high, low)
}

fn muxftpd(options: &Options) -> io::Result<PathBuf> {
    match &options.muxftpd {
        Some(path) => Ok(path.clone()),
        None => Ok(env::current_exe()?.with_file_name("muxftpd")),
    }
}

fn progress(round: &Round, rounds: u32) {
    eprintln!(
        "{}/{rounds} {:?} {}: {:.0} cycles/s, {:.1} us of the server each, \
         {} cycles, {} refusals, {} errors",
        round.round,
        round.acks,
        round.server,
        round.cycles_per_second(),
        round.cpu_per_cycle() * 1e6,
        round.cycles,
        round.refusals,
        round.errors,
    );
}
