//! `compare`: the multiplexer and muxftpd beside others that do the same, in one run.
//!
//! Every contestant is measured in every round, in an order that is drawn anew each time, so that
//! whatever else the machine does hits all alike. A ratio is taken within a round, and reported as
//! the median over the rounds with its confidence interval.

mod baseline;
mod counting;
mod effort;
mod options;
mod progress;
mod report;
mod samples;
mod scale;
mod servers;
mod sockets;
mod spread;
mod table;
mod words;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use options::{Hidden, Options, Part};
use rand::SeedableRng;
use rand::rngs::StdRng;
use samples::Samples;
use std::error::Error;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.hidden {
        Some(Hidden::Peer(peer)) => {
            servers::run_peer(peer).map_err(|error| error.to_string().into())
        }
        None => compare(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let effort = options.effort();
    let mut random = StdRng::seed_from_u64(options.seed);
    let mut samples = Samples::default();
    // Servers inherit it, and each client has a descriptor for every server.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let wanted = |part| options.only.contains(&part);
    if wanted(Part::Table) {
        table::run(&effort, &mut random, &mut samples);
    }
    if wanted(Part::Sockets) {
        sockets::run(&effort, options.first_port, &mut random, &mut samples)?;
    }
    if wanted(Part::Scale) {
        scale::run(&effort, options.first_port, &mut samples)?;
    }
    let which = (wanted(Part::Servers), wanted(Part::Strangers));
    let mut left_out = Vec::new();
    if which.0 || which.1 {
        let (first_port, against) = (options.first_port, options.against.as_deref());
        left_out = servers::run(&effort, which, first_port, against, &mut random, &mut samples)?;
    }
    report::write(&samples, &left_out, &effort, &options.output)
        .map_err(|error| error.to_string())?;
    Ok(())
}
