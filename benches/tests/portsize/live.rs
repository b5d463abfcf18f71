//! A real multiplexer with real connections, beside the simulation.

use serde_json::Value;

use super::json;

/// Twenty clients, each with a load of four on five ports: a fifth is refused. A port is held for
/// the better part of a second, far longer than a busy machine is late.
const OFTEN_REFUSED: &str = "--clients 20 --rate 4/s --connect exp:1s --never 0 --wait 500ms \
                             --ports 5 --target 1% --requests 15000 --live --live-requests 1500";
/// So many simulated runs, none shorter than the live one, make up an interval.
const RUNS: f64 = 10.0;

#[test]
fn live_agrees_with_the_simulation() {
    for attempt in 1.. {
        let json = json(OFTEN_REFUSED);
        let row = &json["with_multiplexing"]["rows"][0];
        let (at_once, waiting) = (agreement(&row["at_once"]), agreement(&row["waiting"]));
        match (at_once, waiting) {
            (Ok(()), Ok(())) => {
                assert!(json["live"]["agreeing"].as_u64() <= json["live"]["measurements"].as_u64());
                return;
            }
            // Who is served too late by the machine says nothing about the multiplexer.
            _ if attempt < 4 && was_late(row) => {}
            different => panic!("{different:?} in {row:#}"),
        }
    }
}

/// Whether the live share differs from that of the same requests, simulated, by no more than one
/// simulated run of as many requests differs from another.
fn agreement(answers: &Value) -> Result<(), String> {
    let (live, simulated) = (&answers["live"], &answers["simulated"]);
    let of = |value: &Value, name: &str| value[name].as_f64().unwrap();
    let half = (of(simulated, "refused_high") - of(simulated, "refused_low")) / 2.0;
    let band = half * RUNS.sqrt();
    assert!(of(simulated, "refused") > 0.05 && band < 0.15, "it is to refuse often: {answers:#}");
    let difference = of(live, "refused") - of(live, "same_requests_simulated");
    if difference.abs() <= band {
        Ok(())
    } else {
        Err(format!("a difference of {difference:.3}, more than {band:.3}"))
    }
}

/// Whether a request came later than by a quarter of the time that a port is held.
fn was_late(row: &Value) -> bool {
    let late = |answers: &Value| answers["live"]["latest_request_seconds"].as_f64().unwrap() > 0.2;
    late(&row["at_once"]) || late(&row["waiting"])
}
