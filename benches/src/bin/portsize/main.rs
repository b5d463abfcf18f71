//! `portsize`: how many passive ports do my clients need?
//!
//! The clients are described on the command line or read from a log. Three answers stand side by
//! side: the analysis (Erlang B, and its extension to requests that wait), a simulation on the
//! multiplexer's own reservation table, and, if asked for, a real multiplexer on loopback.

mod erlang;
mod holding;
mod interval;
mod json;
mod live;
mod log;
mod measure;
mod options;
mod picture;
mod population;
mod progress;
mod quantity;
mod recording;
mod report;
mod simulate;
mod study;
mod text;
#[cfg(test)]
mod truth;
mod witness;
mod workload;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use log::Log;
use measure::{Measurer, Plan};
use options::Options;
use progress::Progress;
use quantity::{count, significant};
use report::{LogNotes, Report};
use study::{Goal, side};
use workload::{Source, Workload};

/// Nobody waits for more than this for one figure.
const MOST_REQUESTS: f64 = 1e9;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(message) = options.check() {
        Options::wrong(&message);
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portsize: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let progress = Progress::new(!options.json);
    let (source, notes) = source(options, &progress)?;
    let workload = Workload { source, holding: options.holding() };
    let goal = Goal {
        refused: options.target.0,
        p99_wait: options.wait_target,
        wait: options.wait,
        ttl: options.ttl,
    };
    let plan = Plan::new(&workload, goal.refused, goal.wait, options.requests, options.seed);

    if plan.size(&workload) > MOST_REQUESTS {
        return Err("so many requests cannot be simulated: describe a part of your clients, or \
                    give a part of the log"
            .into());
    }

    let began = Instant::now();
    let mut measurer = Measurer::new(&workload, plan, progress.clone());
    let widths = options.ports.as_ref().map(|widths| &*widths.0);
    let multiplexed = side(&workload, goal, &mut measurer, true, widths);
    let single = side(&workload, goal, &mut measurer, false, widths);
    let took = began.elapsed().as_secs_f64();
    let mut report = Report {
        workload: &workload,
        log: notes.as_ref(),
        goal,
        plan,
        multiplexed,
        single,
        live: None,
        asked: widths.is_some(),
        simulated: measurer.simulated(),
    };
    if options.live {
        witness::testify(&mut report, options.live_requests, &progress)?;
    }
    if let Some(picture) = &options.picture {
        picture.draw(&report)?;
    }
    progress.done();

    let answer = if options.json {
        serde_json::to_string_pretty(&json::of(&report))? + "\n"
    } else {
        text::text(&report)
    };
    match io::stdout().lock().write_all(answer.as_bytes()) {
        // Who reads only the beginning, as `head` does, has what it wants.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    eprintln!(
        "portsize: simulated {} requests in {took:.1} s, {} million a second",
        count(report.simulated),
        significant(report.simulated as f64 / 1e6 / took.max(1e-3)),
    );
    Ok(())
}

/// Where requests come from, and what there is to say about the log they may come from.
fn source(
    options: &Options,
    progress: &Progress,
) -> Result<(Source, Option<LogNotes>), Box<dyn Error>> {
    if let Some(described) = options.described() {
        return Ok((described, None));
    }
    let path = options.log.as_deref().ok_or("neither clients nor a log")?;
    let mut log: Log = log::open(path, options.format, |bytes| {
        progress.say(format!("{} MB of the log read", count(bytes / 1_000_000)));
    })?;
    let notes = LogNotes::of(&mut log, path.display().to_string());
    Ok((Source::Recorded(log.recording), Some(notes)))
}
