//! `cycles`: compares whole FTP servers by how fast they serve short transfers, and at what cost.
//!
//! One cycle is `PASV` (or `EPSV`), the data connection, `RETR` of a file of one byte, the end of
//! the data, and 226. Every server is a process of its own; all run during the whole comparison
//! and are measured in turn, so that whatever else the machine does hits them alike. Only ratios
//! within one run mean anything.
//!
//! Clients and server share the processors of one machine. Where these are few, the cycles per
//! second of all servers come close to each other because the clients take most of the time: the
//! processor time that a server needs per cycle is the sounder figure.

mod client;
mod comparison;
mod kind;
mod listeners;
mod options;
mod peer;
mod reply;
mod report;
mod round;
mod server;
mod usage;

use clap::Parser;
use options::{Hidden, Options};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.hidden {
        Some(Hidden::Peer(peer)) => peer::run(peer),
        None => compare(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cycles: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let comparison = comparison::run(options)?;
    print!("{}", report::text(&comparison));
    if let Some(path) = &options.json {
        report::write_json(&comparison, path)?;
    }
    Ok(())
}
