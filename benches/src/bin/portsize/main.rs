//! `portsize`: how many passive ports do my clients need?
//!
//! The clients are described on the command line or read from a log. Three answers stand side by
//! side: the analysis (Erlang B, and its extension to requests that wait), a simulation on the
//! multiplexer's own reservation table, and, if asked for, a real multiplexer on loopback.

mod erlang;
mod held;
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

use holding::Connect;
use measure::{Measurer, Plan};
use options::Options;
use picture::Subject;
use progress::Progress;
use quantity::{count, significant};
use report::{Busiest, LogNotes, Report};
use study::{Goal, side};
use workload::{Source, Workload};

/// Nobody waits for more than this for one figure.
const MOST_REQUESTS: f64 = 1e9;

/// The exit status where options are wrong.
const WRONG_OPTIONS: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(message) = options.check() {
        eprintln!("portsize: {message}");
        return ExitCode::from(WRONG_OPTIONS);
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
    let began = Instant::now();
    let (mut workload, notes) = workload(options, &progress)?;
    let reading = began.elapsed().as_secs_f64();
    let what_if = suppose(options, &mut workload);
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
    let busiest = Busiest::of(&workload, &multiplexed, &goal, &mut measurer);
    let took = began.elapsed().as_secs_f64();
    let mut report = Report {
        workload: &workload,
        log: notes.as_ref(),
        what_if: &what_if,
        goal,
        plan,
        multiplexed,
        single,
        busiest,
        live: None,
        asked: widths.is_some(),
        simulated: measurer.simulated(),
    };
    if options.live {
        witness::testify(&mut report, options.live_requests, &progress)?;
    }
    if let Some(picture) = &options.picture {
        picture.draw(Subject::Curves, &report)?;
    }
    if let Some(picture) = &options.busy_picture {
        picture.draw(Subject::Busiest, &report)?;
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
    if let Some(log) = &notes {
        let million = significant(log.lines as f64 / 1e6 / reading.max(1e-6));
        let lines = quantity::of(log.lines, "line");
        eprintln!("portsize: read {lines} in {reading:.1} s, {million} million a second");
    }
    eprintln!(
        "portsize: simulated {} requests in {took:.1} s, {} million a second",
        count(report.simulated),
        significant(report.simulated as f64 / 1e6 / took.max(1e-3)),
    );
    Ok(())
}

/// Where requests come from, and what there is to say about the log they may come from.
fn workload(
    options: &Options,
    progress: &Progress,
) -> Result<(Workload, Option<LogNotes>), Box<dyn Error>> {
    let mut holding = options.holding();
    if let Some(described) = options.described() {
        return Ok((Workload::new(described, holding), None));
    }
    let mut log =
        log::open(&options.log, options.reading(), &|come| progress.read(come.read, come.all))?;
    // What the operator says has the last word.
    if options.connect.is_some() {
        log.recording.measured = None;
    }
    if let Some(measured) = &log.recording.measured
        && measured.sample.is_empty()
    {
        holding.connect = Connect::of_mean(measured.cautious_mean());
        if holding.connect.usual() >= holding.ttl {
            return Err(
                "the log's clients take longer to connect than --ttl: give a longer one, or \
                        the time with --connect"
                    .into(),
            );
        }
    }
    let notes = LogNotes::of(&mut log, options.connect.is_none());
    Ok((Workload::new(Source::Recorded(log.recording), holding), Some(notes)))
}

/// Changes the requests as the operator has asked, and says how.
fn suppose(options: &Options, workload: &mut Workload) -> Vec<String> {
    let mut what_if = Vec::new();
    if let (Some(most), Source::Recorded(recording)) = (options.behind_one, &mut workload.source) {
        let most = (most as usize).min(recording.clients.len());
        recording.put_behind_one(most);
        what_if.push(format!("the {most} busiest clients are behind one address"));
        *workload = Workload::new(workload.source.clone(), workload.holding);
    }
    if let Some(times) = options.times {
        workload.speed_up(times);
        what_if.push(format!("everything comes {} times as fast", quantity::plain(times)));
    }
    what_if
}
