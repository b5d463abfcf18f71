//! Every benchmark runs, at sizes whose figures mean nothing.

use std::fs;
use std::process::Command;

#[test]
fn compare_runs_and_writes_its_report() {
    let output = tempfile::tempdir().unwrap();
    let mut compare = Command::new(env!("CARGO_BIN_EXE_compare"));
    compare.args(["--smoke", "--first-port=25000"]).arg("--output").arg(output.path());
    let run = compare.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report = fs::read_to_string(output.path().join("report.md")).unwrap();
    for heading in [
        "## The reservation table",
        "### claim hit",
        "### memory",
        "### STOR",
        "## Strangers",
        "## The two deliveries",
        "## Very many reservations",
        "claim-miss.svg",
    ] {
        assert!(report.contains(heading), "no {heading} in:\n{report}");
    }
    let json = fs::read(output.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let samples = json["samples"].as_array().unwrap();
    let latencies: Vec<f64> = samples
        .iter()
        .filter(|sample| sample["metric"] == "p50")
        .map(|sample| sample["value"].as_f64().unwrap())
        .collect();
    assert!(!latencies.is_empty() && latencies.iter().all(|latency| *latency > 1.0));
}

#[test]
fn a_wrong_option_gets_a_clear_error() {
    let mut compare = Command::new(env!("CARGO_BIN_EXE_compare"));
    let run = compare.args(["--only", "tables"]).output().unwrap();
    assert!(!run.status.success());
    let error = String::from_utf8_lossy(&run.stderr);
    assert!(error.contains("'tables'") && error.contains("possible values"), "{error}");
}
