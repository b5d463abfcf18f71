//! Runs the servers under a mixed load for as long as told, and sees whether anything grows.

mod drift;
mod load;
mod options;
mod pending;
mod picture;
mod record;
mod sample;

use clap::Parser;
use load::Load;
use mux_tests::guard::HANG;
use mux_tests::{Launch, Ports, Program, Server};
use options::Options;
use record::Record;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// The passive ports of each server.
const PORTS: u16 = 9;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::from(2)
        }
    }
}

/// A server, its load, and what was seen of it.
struct Bath {
    server: Server,
    load: Load,
    record: Record,
    baseline: usize,
    /// Where the server tells how many reservations are pending.
    told_at: Option<SocketAddr>,
}

/// Whether nothing grew and nothing went wrong.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    fs::create_dir_all(&options.output)?;
    let mut baths: Vec<Bath> = [Program::Muxftpd, Program::LibunftpExample].map(fill).into();
    let started = Instant::now();
    thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        for bath in &baths {
            bath.load.begin(scope, &bath.server);
        }
        let taken = watch(options, started, &baths);
        for bath in &baths {
            bath.load.end();
        }
        for (bath, samples) in baths.iter().zip(taken?) {
            bath.record.keep(samples);
        }
        Ok(())
    })?;

    let mut well = true;
    for bath in &mut baths {
        let name = bath.server.program().name();
        let left = rest(&bath.server, bath.baseline);
        println!("{name}: {}", bath.load.tally());
        for growth in drift::of(&bath.record.samples()) {
            println!("{name}: {growth}");
            well &= growth.is_bounded();
        }
        println!("{name}: descriptors {} before the load and {left} after it", bath.baseline);
        well &= left <= bath.baseline;
        for failure in bath.load.failures() {
            println!("{name}: {failure}");
            well = false;
        }
    }
    let records: Vec<_> = baths.iter().map(|bath| &bath.record).collect();
    record::write(&options.output.join("soak.csv"), &records)?;
    picture::draw(&options.output.join("soak.svg"), &records)?;
    println!("soak: {}; see {}", verdict(well), options.output.display());
    Ok(well)
}

fn verdict(well: bool) -> &'static str {
    if well { "nothing grew and nothing was lost" } else { "FAILED, see above" }
}

/// Starts a server and has every client use all it will, so that what a server keeps for its
/// clients is there before anything is measured.
fn fill(program: Program) -> Bath {
    eprintln!("soak: starting {program}");
    let mut launch = Launch::new(program, &Ports::consecutive(PORTS));
    if program == Program::Muxftpd {
        launch = launch.option("--metrics", "0");
    }
    let server = launch
        .flag("--writable")
        .option("--wait", "300ms")
        .option("--reservation-ttl", "10s")
        .option("--log-level", "error")
        .start();
    let load = Load::new();
    load.prepare(&server);
    let baseline = server.process().descriptors();
    let told_at = pending::told_at(&server);
    Bath { record: Record::new(program), server, load, baseline, told_at }
}

/// Samples all servers until the time is up, and says how far it is.
fn watch(
    options: &Options,
    started: Instant,
    baths: &[Bath],
) -> Result<Vec<Vec<sample::Sample>>, Box<dyn Error>> {
    let every = options.every();
    let mut samples: Vec<Vec<sample::Sample>> = baths.iter().map(|_| Vec::new()).collect();
    let mut next = Duration::ZERO;
    let mut told = Instant::now();
    while started.elapsed() < options.duration {
        next += every;
        sleep(next.saturating_sub(started.elapsed()));
        for (bath, samples) in baths.iter().zip(&mut samples) {
            let process = bath.server.process();
            let latency = bath.load.latency();
            samples.push(sample::take(process, bath.told_at, started.elapsed(), latency)?);
        }
        if told.elapsed() > options.told() {
            told = Instant::now();
            tell(options, started, baths, &samples);
        }
    }
    Ok(samples)
}

fn tell(options: &Options, started: Instant, baths: &[Bath], samples: &[Vec<sample::Sample>]) {
    let gone = humantime::format_duration(Duration::from_secs(started.elapsed().as_secs()));
    let whole = humantime::format_duration(options.duration);
    for (bath, samples) in baths.iter().zip(samples) {
        let name = bath.server.program().name();
        if let Some(last) = samples.last() {
            eprintln!("soak: {gone} of {whole}, {name}: {last}; {}", bath.load.tally());
        }
    }
}

/// How many descriptors are left, once there are no more than `baseline` or it has been quiet for
/// long enough.
fn rest(server: &Server, baseline: usize) -> usize {
    let quiet = Instant::now();
    loop {
        let open = server.process().descriptors();
        if open <= baseline || quiet.elapsed() > HANG {
            return open;
        }
        sleep(Duration::from_millis(100));
    }
}
