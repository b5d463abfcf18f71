//! What was measured, and ratios of it.

use crate::spread::Spread;
use serde::Serialize;
use std::collections::BTreeMap;

/// One figure of one contestant in one round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    pub(crate) part: &'static str,
    /// What was done; one table of the report.
    pub(crate) operation: String,
    /// Under which conditions; one row of it.
    pub(crate) case: Case,
    /// By whom; one column of it.
    pub(crate) contestant: String,
    pub(crate) metric: Metric,
    pub(crate) round: u32,
    pub(crate) value: f64,
}

/// The conditions of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Case {
    /// In words.
    pub(crate) label: String,
    /// In numbers, by name.
    pub(crate) facts: BTreeMap<&'static str, f64>,
}

impl Case {
    pub(crate) fn new<const N: usize>(label: String, facts: [(&'static str, f64); N]) -> Self {
        Self { label, facts: facts.into() }
    }

    pub(crate) fn is(&self, fact: &str, value: f64) -> bool {
        self.facts.get(fact) == Some(&value)
    }
}

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    NanosecondsPerOperation,
    NanosecondsPerReserve,
    BytesPerReservation,
    ConnectionsPerSecond,
    CyclesPerSecond,
    /// The server's.
    CpuMicrosecondsPerCycle,
    P50,
    P99,
    P999,
    RefusedPercent,
    Errors,
    StrangersPerSecond,
    MebibytesPerSecond,
    /// The server's.
    CpuSecondsPerGibibyte,
    PeakMemory,
}

impl Metric {
    /// Whether contestants are compared by their ratio.
    pub(crate) fn is_ratio(self) -> bool {
        !matches!(self, Self::RefusedPercent | Self::Errors | Self::StrangersPerSecond)
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::NanosecondsPerOperation => "ns per operation",
            Self::BytesPerReservation => "bytes per pending reservation",
            Self::NanosecondsPerReserve => "ns per reservation",
            Self::ConnectionsPerSecond => "connections/s",
            Self::CyclesPerSecond => "cycles/s",
            Self::CpuMicrosecondsPerCycle => "server CPU, µs per cycle",
            Self::P50 => "p50, µs",
            Self::P99 => "p99, µs",
            Self::P999 => "p99.9, µs",
            Self::RefusedPercent => "refused, %",
            Self::Errors => "errors",
            Self::StrangersPerSecond => "strangers/s reached",
            Self::MebibytesPerSecond => "MiB/s",
            Self::CpuSecondsPerGibibyte => "server CPU, s per GiB",
            Self::PeakMemory => "peak resident memory, MiB",
        }
    }
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    pub(crate) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// Those that `wanted` says yes to.
    pub(crate) fn select(&self, wanted: impl Fn(&Sample) -> bool) -> Samples {
        Self(self.0.iter().filter(|sample| wanted(sample)).cloned().collect())
    }

    /// Each value of something once, in the order of the first.
    pub(crate) fn distinct<T: PartialEq>(&self, of: impl Fn(&Sample) -> T) -> Vec<T> {
        let mut each = Vec::new();
        for one in self.0.iter().map(of) {
            if !each.contains(&one) {
                each.push(one);
            }
        }
        each
    }

    /// The spread of the figures of `contestant`; `None` if there are none.
    pub(crate) fn figures(&self, contestant: &str) -> Option<Spread> {
        Spread::of(self.0.iter().filter(|s| s.contestant == contestant).map(|s| s.value))
    }

    /// The spread over rounds of the ratio of `one` to `other`, which were measured side by side.
    /// For one operation, case and metric.
    pub(crate) fn ratio(&self, one: &str, other: &str) -> Option<Spread> {
        let of = |who: &str, round| {
            self.0.iter().find(|s| s.contestant == who && s.round == round).map(|s| s.value)
        };
        let rounds = self.distinct(|sample| sample.round);
        Spread::of(rounds.into_iter().filter_map(|round| Some(of(one, round)? / of(other, round)?)))
    }
}
