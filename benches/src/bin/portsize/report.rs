//! Everything that was found, whatever way it is shown.

use crate::live::Script;
use crate::log::Log;
use crate::measure::Plan;
use crate::study::{Goal, Side};
use crate::workload::Workload;

/// The whole answer.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) log: Option<&'a LogNotes>,
    pub(crate) goal: Goal,
    pub(crate) plan: Plan,
    pub(crate) multiplexed: Side,
    pub(crate) single: Side,
    pub(crate) live: Option<Script>,
    /// Whether the numbers of ports are those asked about.
    pub(crate) asked: bool,
    /// Requests simulated in all.
    pub(crate) simulated: u64,
}

/// What there is to say about a log, once its requests are taken out of it.
#[derive(Debug)]
pub(crate) struct LogNotes {
    pub(crate) name: String,
    pub(crate) format: &'static str,
    pub(crate) exact: bool,
    pub(crate) lines: u64,
    pub(crate) malformed: u64,
    pub(crate) first_malformed: Option<(u64, String)>,
}

impl LogNotes {
    pub(crate) fn of(log: &mut Log, name: String) -> Self {
        Self {
            name,
            format: log.format.name(),
            exact: log.exact,
            lines: log.lines,
            malformed: log.malformed,
            first_malformed: log.first_malformed.take(),
        }
    }
}

impl Report<'_> {
    pub(crate) fn sides(&self) -> [&Side; 2] {
        [&self.multiplexed, &self.single]
    }

    /// The greatest load of one client.
    pub(crate) fn greatest_load(side: &Side) -> f64 {
        side.loads.iter().map(|&(_, load)| load).fold(0.0, f64::max)
    }
}
