//! Everything that was found, whatever way it is shown.

use crate::live::{Live, Script};
use crate::log::{DateOrder, Doubt, Log};
use crate::measure::{Measurer, Plan, Wanted};
use crate::recording::HOUR;
use crate::simulate::Setting;
use crate::study::{Goal, Side};
use crate::workload::{Source, Workload};

/// The whole answer.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) log: Option<&'a LogNotes>,
    /// What was changed about the requests, to see what would be.
    pub(crate) what_if: &'a [String],
    pub(crate) goal: Goal,
    pub(crate) plan: Plan,
    pub(crate) multiplexed: Side,
    pub(crate) single: Side,
    /// Of a log, the clients with the most requests and who decides the answer.
    pub(crate) busiest: Option<Busiest>,
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
    pub(crate) format: String,
    /// Whether it tells of the requests themselves.
    pub(crate) exact: bool,
    pub(crate) lines: u64,
    pub(crate) unreadable: u64,
    pub(crate) first_unreadable: Option<(u64, String)>,
    pub(crate) dates: Option<DateOrder>,
    pub(crate) doubts: Vec<Doubt>,
    /// Whether the times from reply to connection are those of the log.
    pub(crate) measured: bool,
}

impl LogNotes {
    pub(crate) fn of(log: &mut Log, measured: bool) -> Self {
        Self {
            name: std::mem::take(&mut log.name),
            format: std::mem::take(&mut log.format),
            exact: log.tells == crate::log::Tells::Requests,
            lines: log.lines,
            unreadable: log.unreadable,
            first_unreadable: log.first_unreadable.take(),
            dates: log.dates,
            doubts: std::mem::take(&mut log.doubts),
            measured,
        }
    }
}

impl Report<'_> {
    pub(crate) fn sides(&self) -> [&Side; 2] {
        [&self.multiplexed, &self.single]
    }

    /// What was measured live, on all rows.
    pub(crate) fn lives(&self) -> impl Iterator<Item = Live> {
        let rows = self.sides().into_iter().flat_map(|side| &side.rows);
        let answers = rows.flat_map(|row| [&row.at_once].into_iter().chain(&row.waiting));
        answers.filter_map(|answers| answers.live)
    }

    /// The greatest load of one client.
    pub(crate) fn greatest_load(side: &Side) -> f64 {
        side.loads.iter().map(|&(_, load)| load).fold(0.0, f64::max)
    }
}

/// Who asks most.
#[derive(Debug)]
pub(crate) struct Busiest {
    /// The one with the greatest load first.
    pub(crate) clients: Vec<Busy>,
    /// On how many ports the refusals are counted: one fewer than are enough, if that is some.
    pub(crate) ports: u16,
}

/// One client of a log.
#[derive(Debug)]
pub(crate) struct Busy {
    pub(crate) name: Box<str>,
    pub(crate) number: u32,
    pub(crate) requests: u64,
    /// The offered load of its busiest hour.
    pub(crate) load: f64,
    /// Its share of all refusals; zero if there are none.
    pub(crate) refusals: f64,
}

/// So many are shown.
const SHOWN: usize = 10;

impl Busiest {
    /// `None` if the requests are not those of a log.
    pub(crate) fn of(
        workload: &Workload,
        side: &Side,
        goal: &Goal,
        measurer: &mut Measurer<'_>,
    ) -> Option<Self> {
        let Source::Recorded(recording) = &workload.source else { return None };
        let enough = side.enough.as_ref().map_or(1, |enough| enough.ports);
        let ports = enough.saturating_sub(1).max(1);
        let Goal { wait, ttl, .. } = *goal;
        let setting = Setting { ports, multiplexed: true, wait, ttl };
        let refused = measurer.refused_of_each(Wanted { setting, speed: 1.0 });
        let all: u64 = refused.iter().sum();
        let mut held = vec![0.0; recording.clients.len()];
        let held_by = workload.held_by();
        for stamp in &recording.requests {
            held[stamp.client as usize] += held_by(stamp);
        }
        let hour = recording.span().min(HOUR) as f64 / 1e9;
        let mut clients: Vec<Busy> = recording
            .parts()
            .into_iter()
            .map(|part| {
                let number = part.client as usize;
                let mean = held[number] / part.requests.max(1) as f64;
                Busy {
                    name: recording.clients[number].clone(),
                    number: part.client,
                    requests: part.requests,
                    load: part.busiest_hour as f64 * mean / hour,
                    refusals: refused[number] as f64 / all.max(1) as f64,
                }
            })
            .collect();
        clients.sort_by(|a, b| b.load.total_cmp(&a.load).then(a.number.cmp(&b.number)));
        let decides = decides(&clients).map(|busy| busy.number);
        let at = clients.iter().position(|busy| Some(busy.number) == decides);
        // Who decides is among those shown.
        if let Some(at) = at.filter(|&at| at >= SHOWN) {
            clients.swap(SHOWN - 1, at);
        }
        clients.truncate(SHOWN);
        Some(Self { clients, ports })
    }

    /// Who meets the most refusals.
    pub(crate) fn decides(&self) -> Option<&Busy> {
        decides(&self.clients)
    }
}

fn decides(clients: &[Busy]) -> Option<&Busy> {
    clients
        .iter()
        .filter(|busy| busy.refusals > 0.0)
        .max_by(|a, b| a.refusals.total_cmp(&b.refusals).then(b.number.cmp(&a.number)))
}
