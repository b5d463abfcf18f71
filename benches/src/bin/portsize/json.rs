//! The answer as one JSON object.
//!
//! Names and meanings are stable; `docs/sizing.md` describes them. Shares are from 0 to 1, times
//! are in seconds.

use serde::Serialize;

use crate::live::Live;
use crate::measure::Measured;
use crate::report::Report;
use crate::study::{Answers, Enough, Side};
use crate::workload::Source;

#[derive(Debug, Serialize)]
pub(crate) struct Json<'a> {
    schema: u32,
    workload: Workload,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    what_if: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Log<'a>>,
    target: Target,
    simulation: Simulation,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveRun>,
    with_multiplexing: SideJson,
    without_multiplexing: SideJson,
}

#[derive(Debug, Serialize)]
struct Workload {
    clients: u32,
    requests_per_second: f64,
    mean_holding_seconds: f64,
    ttl_seconds: f64,
    wait_seconds: f64,
}

#[derive(Debug, Serialize)]
struct Log<'a> {
    name: &'a str,
    format: &'a str,
    names_requests: bool,
    lines: u64,
    unreadable_lines: u64,
    requests: u64,
    span_seconds: f64,
    /// How exactly it knows times.
    resolution_seconds: f64,
    doubts: Vec<Doubt<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<MeasuredJson>,
    busiest_clients: Vec<BusyJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decides: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Doubt<'a> {
    kind: &'a str,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct MeasuredJson {
    requests: u64,
    mean_seconds: f64,
    standard_error_seconds: f64,
}

#[derive(Debug, Serialize)]
struct BusyJson<'a> {
    client: &'a str,
    requests: u64,
    offered_load: f64,
    share_of_refusals: f64,
}

#[derive(Debug, Serialize)]
struct Target {
    refused: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_wait_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Simulation {
    seed: u64,
    replications: u64,
    requests_per_replication: u64,
    confidence: f64,
    requests_simulated: u64,
}

#[derive(Debug, Serialize)]
struct LiveRun {
    requests: usize,
    times_as_fast: f64,
    measurements: usize,
    agreeing: usize,
}

#[derive(Debug, Serialize)]
struct SideJson {
    greatest_offered_load: f64,
    recommended: Option<Recommended>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Recommended {
    ports: u16,
    simulated: Simulated,
    one_port_fewer: Option<Simulated>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faster: Vec<Faster>,
}

#[derive(Debug, Serialize)]
struct Faster {
    times: f64,
    simulated: Simulated,
    recommended_ports: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Row {
    ports: u16,
    at_once: AnswersJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<AnswersJson>,
}

#[derive(Debug, Serialize)]
struct AnswersJson {
    analysis: Option<f64>,
    simulated: Simulated,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveJson>,
}

#[derive(Debug, Serialize)]
struct Simulated {
    requests: u64,
    refused: f64,
    refused_low: f64,
    refused_high: f64,
    p99_wait_seconds: f64,
}

#[derive(Debug, Serialize)]
struct LiveJson {
    requests: u64,
    refused: f64,
    same_requests_simulated: f64,
    agrees: bool,
    p99_wait_seconds: f64,
    lost: u64,
    latest_request_seconds: f64,
}

/// What `--json` prints.
pub(crate) fn of<'a>(report: &'a Report<'_>) -> Json<'a> {
    let Report { workload, goal, plan, .. } = report;
    Json {
        schema: 2,
        workload: Workload {
            clients: workload.clients(),
            requests_per_second: workload.per_second(),
            mean_holding_seconds: workload.mean_held().as_secs_f64(),
            ttl_seconds: goal.ttl.as_secs_f64(),
            wait_seconds: goal.wait.as_secs_f64(),
        },
        what_if: report.what_if,
        log: log(report),
        target: Target {
            refused: goal.refused,
            p99_wait_seconds: goal.p99_wait.map(|wait| wait.as_secs_f64()),
        },
        simulation: Simulation {
            seed: plan.seed,
            replications: plan.replications,
            requests_per_replication: plan.requests,
            confidence: crate::interval::CONFIDENCE,
            requests_simulated: report.simulated,
        },
        live: report.live.as_ref().map(|script| LiveRun {
            requests: script.requests(),
            times_as_fast: script.pace,
            measurements: report.lives().count(),
            agreeing: report.lives().filter(Live::agrees).count(),
        }),
        with_multiplexing: side(&report.multiplexed),
        without_multiplexing: side(&report.single),
    }
}

fn log<'a>(report: &'a Report<'_>) -> Option<Log<'a>> {
    let (log, Source::Recorded(recording)) = (report.log?, &report.workload.source) else {
        return None;
    };
    let busiest = report.busiest.as_ref();
    Some(Log {
        name: &log.name,
        format: &log.format,
        names_requests: log.exact,
        lines: log.lines,
        unreadable_lines: log.unreadable,
        requests: recording.requests.len() as u64,
        span_seconds: recording.span() as f64 / 1e9,
        resolution_seconds: recording.grain.nanos() as f64 / 1e9,
        doubts: log.doubts.iter().map(|one| Doubt { kind: one.kind, text: &one.text }).collect(),
        measured: recording.measured.as_ref().map(|measured| MeasuredJson {
            requests: measured.requests,
            mean_seconds: measured.mean,
            standard_error_seconds: measured.error,
        }),
        busiest_clients: busiest
            .iter()
            .flat_map(|busiest| &busiest.clients)
            .map(|busy| BusyJson {
                client: &busy.name,
                requests: busy.requests,
                offered_load: busy.load,
                share_of_refusals: busy.refusals,
            })
            .collect(),
        decides: busiest.and_then(|busiest| busiest.decides()).map(|busy| &*busy.name),
    })
}

fn side(side: &Side) -> SideJson {
    SideJson {
        greatest_offered_load: Report::greatest_load(side),
        recommended: side.enough.as_ref().map(recommended),
        rows: side
            .rows
            .iter()
            .map(|row| Row {
                ports: row.ports,
                at_once: answers(&row.at_once),
                waiting: row.waiting.as_ref().map(answers),
            })
            .collect(),
    }
}

fn recommended(enough: &Enough) -> Recommended {
    Recommended {
        ports: enough.ports,
        simulated: simulated(&enough.measured),
        one_port_fewer: enough.fewer.as_ref().map(simulated),
        faster: enough
            .faster
            .iter()
            .map(|faster| Faster {
                times: faster.speed,
                simulated: simulated(&faster.measured),
                recommended_ports: faster.ports,
            })
            .collect(),
    }
}

fn answers(answers: &Answers) -> AnswersJson {
    AnswersJson {
        analysis: answers.analysis,
        simulated: simulated(&answers.simulated),
        live: answers.live.map(live),
    }
}

fn simulated(measured: &Measured) -> Simulated {
    Simulated {
        requests: measured.requests,
        refused: measured.refused.share,
        refused_low: measured.refused.low,
        refused_high: measured.refused.high,
        p99_wait_seconds: measured.p99_wait.as_secs_f64(),
    }
}

fn live(live: Live) -> LiveJson {
    LiveJson {
        requests: live.requests,
        refused: live.share(),
        same_requests_simulated: live.simulated_share(),
        agrees: live.agrees(),
        p99_wait_seconds: live.p99_wait.as_secs_f64(),
        lost: live.lost,
        latest_request_seconds: live.latest.as_secs_f64(),
    }
}
