//! Whole servers beside each other, each a process of its own, with clients on many addresses.
//!
//! Clients and servers share the processors of one machine. Where these are few, the cycles per
//! second of all servers come close to each other, because the clients take most of the time: the
//! processor time that a server needs per cycle is then the sounder figure.

mod client;
mod installed;
mod kind;
mod listeners;
mod peer;
mod reply;
mod round;
mod secure;
mod server;
mod setup;
mod storm;
mod usage;
mod workload;

pub(crate) use peer::{Peer, run as run_peer};

use crate::effort::Effort;
use crate::progress::Progress;
use crate::samples::{Case, Metric, Sample, Samples};
use crate::words::thousands;
use client::{Client, Login};
use kind::ServerKind;
use mux_tests::Program;
use mux_tests::certificate::Certificate;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use round::{Round, measure};
use secure::Secure;
use server::Server;
use setup::Setup;
use std::net::Ipv4Addr;
use std::path::Path;
use std::{fs, io};
use storm::Storm;
use tempfile::TempDir;
use workload::{Acks, Until, Work};

pub(crate) const PART: &str = "servers";
/// A muxftpd of before, where one is given.
pub(crate) const EARLIER: &str = "earlier-9";
pub(crate) const STRANGERS: &str = "strangers";
pub(crate) const MUXFTPD: &str = "muxftpd-9";
pub(crate) const VSFTPD: &str = "vsftpd-1000";
pub(crate) const OURS: [&str; 1] = ["muxftpd-9"];
/// The server that ratios refer to: one port per session, as many as it likes, and TCP_NODELAY.
pub(crate) const BASELINE: &str = "default-2700-nodelay";

const BYTE: &str = "byte";
/// Where uploads go, and nothing else is.
const UPLOADS: &str = "uploads";
const LARGE: &str = "large";
/// A directory that nothing is uploaded to, so that its listing is as long in every round.
const LISTED: &str = "listed";
/// One of many files.
const CROWDED: &str = "crowded";
/// How many files are in the former.
const FILES: usize = 20;
/// How many clients work while strangers come.
const RIGHTFUL: u16 = 8;

/// One server and its clients.
struct Contestant {
    name: String,
    clients: Vec<Client>,
    /// The same over TLS, where the server is set up with it.
    secure: Vec<Client>,
    server: Server,
}

/// What is measured, under which conditions.
struct Task {
    part: &'static str,
    operation: String,
    case: Case,
    clients: u16,
    work: Work,
    acks: Acks,
    tls: bool,
    until: Until,
    storm: Option<Storm>,
    /// How many bytes a cycle of all clients moves, if that is what counts.
    bytes: Option<u64>,
}

/// Starts the servers, measures them, and stops them. Returns which were left out, and why.
pub(crate) fn run(
    effort: &Effort,
    (servers, strangers): (bool, bool),
    first_port: u16,
    earlier: Option<&Path>,
    random: &mut StdRng,
    samples: &mut Samples,
) -> io::Result<Vec<String>> {
    eprintln!("servers: building muxftpd");
    let muxftpd = Program::Muxftpd.path().to_owned();
    let root = directory()?;
    installed::open_up(root.path())?;
    let scratch = tempfile::tempdir()?;
    let certificate = Certificate::in_directory(scratch.path());
    let secure = Secure::trusting(&certificate)?;
    let setup = Setup {
        root: root.path().to_owned(),
        scratch: scratch.path().to_owned(),
        earlier: earlier.map(Path::to_owned),
        certificate,
        muxftpd,
    };
    let mut tasks = Vec::new();
    if servers {
        cycles(effort, root.path(), &mut tasks)?;
        bulk(effort, root.path(), &mut tasks)?;
    }
    if servers || strangers {
        fs::write(root.path().join(BYTE), "1")?;
    }
    if strangers {
        storms(effort, &mut tasks);
    }
    if let Some(texts) = &effort.servers.operations {
        tasks.retain(|task| texts.iter().any(|text| task.operation.contains(text)));
    }
    let most = tasks.iter().map(|task| task.clients).max().unwrap_or(1);
    let mut contestants = Vec::new();
    let mut left_out = Vec::new();
    let mut port = first_port;
    let kinds = effort.servers.kinds.iter().map(String::as_str).chain(earlier.map(|_| EARLIER));
    for name in kinds {
        let kind: ServerKind = name.parse().map_err(io::Error::other)?;
        if let Some(why) = installed::missing(kind.mechanism) {
            left_out.push(format!("{name} was not compared: {why}."));
            continue;
        }
        contestants.push(Contestant::start(kind, &setup, &secure, port, most)?);
        port = port
            .checked_add(kind.ports + 1)
            .ok_or_else(|| io::Error::other("too many ports: lower --first-port"))?;
    }

    let progress = Progress::new(PART, u64::from(effort.rounds) * tasks.len() as u64);
    for round in 0..effort.rounds {
        for task in &tasks {
            contestants.shuffle(random);
            for contestant in contestants.iter_mut().filter(|one| one.can(task)) {
                let measured = contestant.measure(task)?;
                record(samples, task, &contestant.name, round, &measured);
            }
            progress.step();
        }
    }
    Ok(left_out)
}

/// In memory if possible, so that no disk is measured.
fn directory() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir())
}

fn cycles(effort: &Effort, root: &Path, tasks: &mut Vec<Task>) -> io::Result<()> {
    for (name, files) in [(LISTED, FILES), (CROWDED, effort.servers.crowded)] {
        let directory = root.join(name);
        fs::create_dir(&directory)?;
        for number in 0..files {
            fs::write(directory.join(format!("file-{number}")), "1")?;
        }
    }
    let list = |command, directory: &str| Work::List { command, directory: directory.to_owned() };
    let byte = || Work::Retrieve { file: BYTE.to_owned(), size: 1 };
    let crowded = thousands(effort.servers.crowded);
    let mut push = |what: &str, work: Work, tls: bool, acks: Acks, clients: u16| {
        let over = if tls { " over TLS" } else { "" };
        tasks.push(Task {
            part: PART,
            operation: format!("PASV, connect, {what}, 226{over}; {}", acks.words()),
            case: of_clients(clients),
            clients,
            work,
            acks,
            tls,
            until: Until::Seconds(effort.servers.seconds),
            storm: None,
            bytes: None,
        });
    };
    for &clients in &effort.servers.clients {
        for acks in Acks::BOTH {
            push("RETR of 1 byte", byte(), false, acks, clients);
            push(&format!("LIST of {FILES} files"), list("LIST", LISTED), false, acks, clients);
        }
        push("RETR of 1 byte", byte(), true, Acks::Quickack, clients);
    }
    for command in ["LIST", "MLSD"] {
        let what = format!("{command} of {crowded} files");
        push(&what, list(command, CROWDED), false, Acks::Quickack, 1);
    }
    Ok(())
}

fn bulk(effort: &Effort, root: &Path, tasks: &mut Vec<Task>) -> io::Result<()> {
    let mebibytes = effort.servers.bulk >> 20;
    for &clients in &effort.servers.clients {
        let size = effort.servers.bulk / u64::from(clients);
        let file = format!("{LARGE}-{clients}");
        fs::write(root.join(&file), vec![b'x'; size as usize])?;
        let works = [("RETR", Work::Retrieve { file, size }), ("STOR", Work::Store { size })];
        for (what, work) in works {
            tasks.push(Task {
                part: PART,
                operation: format!("{what} of {mebibytes} MiB in all"),
                case: of_clients(clients),
                clients,
                work,
                acks: Acks::Ordinary,
                tls: false,
                until: Until::Once,
                storm: None,
                bytes: Some(size * u64::from(clients)),
            });
        }
    }
    Ok(())
}

fn storms(effort: &Effort, tasks: &mut Vec<Task>) {
    for &per_second in &effort.servers.strangers {
        tasks.push(Task {
            part: STRANGERS,
            operation: format!("RETR of 1 byte by {RIGHTFUL} rightful clients"),
            case: Case::new(
                format!("{} strangers/s wanted", thousands(per_second as usize)),
                [("strangers", f64::from(per_second))],
            ),
            clients: RIGHTFUL,
            work: Work::Retrieve { file: BYTE.to_owned(), size: 1 },
            acks: Acks::Quickack,
            tls: false,
            until: Until::Seconds(effort.servers.seconds),
            storm: (per_second > 0).then_some(Storm { per_second }),
            bytes: None,
        });
    }
}

fn of_clients(clients: u16) -> Case {
    let s = if clients == 1 { "" } else { "s" };
    Case::new(format!("{clients} client{s}"), [("clients", f64::from(clients))])
}

impl Contestant {
    fn start(
        kind: ServerKind,
        setup: &Setup,
        secure: &Secure,
        first_port: u16,
        clients: u16,
    ) -> io::Result<Self> {
        let server = Server::start(kind, setup, first_port)?;
        let log_in = |login: &Login| -> io::Result<Vec<Client>> {
            let all = 0..clients;
            all.map(|number| Client::log_in(address(number), server.address, login.clone()))
                .collect()
        };
        let plain = log_in(&server.login)?;
        let over_tls = Login { secure: Some(secure.clone()), ..server.login.clone() };
        let secure = if kind.mechanism.speaks_tls() { log_in(&over_tls)? } else { Vec::new() };
        Ok(Self { name: kind.to_string(), clients: plain, secure, server })
    }

    /// Whether it can do it.
    fn can(&self, task: &Task) -> bool {
        let mechanism = self.server.kind.mechanism;
        let known = match &task.work {
            Work::List { command, .. } => mechanism.lists_with(command),
            _ => true,
        };
        known && (!task.tls || mechanism.speaks_tls())
    }

    fn measure(&mut self, task: &Task) -> io::Result<Round> {
        let clients = if task.tls { &mut self.secure } else { &mut self.clients };
        let clients = &mut clients[..usize::from(task.clients)];
        measure(&self.server, clients, (&task.work, task.acks), task.until, task.storm)
    }
}

/// Where client `number` comes from.
fn address(number: u16) -> Ipv4Addr {
    let [high, low] = (number + 1).to_be_bytes();
    Ipv4Addr::new(127, 77, high, low)
}

fn record(samples: &mut Samples, task: &Task, name: &str, round: u32, measured: &Round) {
    let done = measured.times.len() as f64;
    let mut figures = match task.bytes {
        Some(bytes) => {
            // Of those clients that were served.
            let bytes = bytes as f64 * done / f64::from(task.clients);
            vec![
                (Metric::MebibytesPerSecond, bytes / f64::from(1 << 20) / measured.seconds),
                (Metric::CpuSecondsPerGibibyte, measured.cpu_seconds * f64::from(1 << 30) / bytes),
            ]
        }
        None => vec![
            (Metric::CyclesPerSecond, measured.cycles_per_second()),
            (Metric::CpuMicrosecondsPerCycle, measured.cpu_seconds * 1e6 / done),
            (Metric::P50, measured.microseconds(0.5)),
            (Metric::P99, measured.microseconds(0.99)),
            (Metric::P999, measured.microseconds(0.999)),
            (Metric::RefusedPercent, measured.refused_percent()),
        ],
    };
    figures.push((Metric::Errors, measured.errors as f64));
    if task.storm.is_some() {
        figures.push((Metric::StrangersPerSecond, measured.strangers as f64 / measured.seconds));
    } else {
        figures.push((Metric::PeakMemory, measured.peak_rss_kib as f64 / 1024.0));
    }
    for (metric, value) in figures {
        samples.push(Sample {
            part: task.part,
            operation: task.operation.clone(),
            case: task.case.clone(),
            contestant: name.to_owned(),
            metric,
            round,
            value,
        });
    }
}
