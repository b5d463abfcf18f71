//! One recording of what one or more files have told.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::client::Clients;
use super::doubts::{self, Doubt, Whole};
use super::input::{self, Come};
use super::notes::{Noted, Notes, Tells};
use super::read::{self, Part};
use super::{DateOrder, LogError, Reading};
use crate::recording::{Grain, Measured, NOT_MEASURED, Recording, SECOND, Stamp};

/// What a log has told.
#[derive(Debug)]
pub(crate) struct Log {
    /// Its files.
    pub(crate) name: String,
    /// Its formats and wrappings.
    pub(crate) format: String,
    pub(crate) recording: Recording,
    pub(crate) tells: Tells,
    pub(crate) lines: u64,
    pub(crate) unreadable: u64,
    /// The number and the beginning of the first line that could not be read.
    pub(crate) first_unreadable: Option<(u64, String)>,
    /// In what order its dates stand, if that had to be found out.
    pub(crate) dates: Option<DateOrder>,
    /// What speaks against trusting it.
    pub(crate) doubts: Vec<Doubt>,
}

/// Fewer tell nothing about the time from reply to connection.
const FEWEST_MEASURED: u64 = 10;
/// Of so many of the requests at least, it must be known.
const SHARE_MEASURED: u64 = 5;
/// How many of the measured times are kept to draw from.
const SAMPLE: usize = 10_000;

/// Reads the logs at `paths`, `-` being standard input. `progress` is told how far reading has
/// come.
pub(crate) fn open(
    paths: &[PathBuf],
    reading: Reading,
    progress: &dyn Fn(Come),
) -> Result<Log, LogError> {
    if paths.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(LogError::TwiceStandardInput);
    }
    let all = input::size(paths.iter().map(PathBuf::as_path));
    let come = Rc::new(Cell::new(0));
    let mut clients = Clients::default();
    let mut parts = Vec::new();
    for path in paths {
        let input = input::open(path, &come, all, progress)?;
        parts.push(read::read(input, reading, &mut clients)?);
    }
    merge(parts, reading, clients)
}

fn merge(mut parts: Vec<Part>, reading: Reading, clients: Clients) -> Result<Log, LogError> {
    let count: usize = parts.iter().map(|part| part.notes.requests.len()).sum();
    if count == 0 {
        return Err(empty(&parts));
    }
    doubts::of_clients(&clients, reading.names)?;
    if count == 1 {
        return Err(LogError::OnlyOne);
    }
    let mut doubts = doubts::of_parts(&mut parts);
    let whole = gather(&mut parts);
    let recording = record(&parts, whole.requests, whole.grain, clients, &mut doubts);
    doubts.extend(doubts::of_recording(&recording, &parts, whole.tells));
    doubts.sort_by_key(Doubt::weight);
    let first = parts.iter_mut().find_map(|part| part.notes.first_unreadable.take());
    Ok(Log {
        name: parts.iter().map(|part| &*part.name).collect::<Vec<_>>().join(", "),
        format: formats(&parts),
        recording,
        tells: whole.tells,
        lines: parts.iter().map(|part| part.notes.lines).sum(),
        unreadable: parts.iter().map(|part| part.notes.unreadable).sum(),
        first_unreadable: first,
        dates: parts.iter().find_map(|part| part.dates),
        doubts,
    })
}

fn empty(parts: &[Part]) -> LogError {
    let part = &parts[0];
    let portless: u64 = parts.iter().map(|part| part.notes.portless).sum();
    let orphans: u64 = parts.iter().map(|part| part.notes.orphans).sum();
    let hint = if portless > 0 {
        format!(": its {portless} transfers took no passive port (SFTP, HTTP or active mode)")
    } else if orphans > 0 {
        ": the sessions of its transfers began before it, so their clients are not known".to_owned()
    } else {
        match part.format {
            super::Format::Proftpd => {
                ": set DebugLevel 5, or give the TransferLog or an ExtendedLog".to_owned()
            }
            super::Format::Vsftpd => ": set xferlog_enable=YES, or log_ftp_protocol=YES".to_owned(),
            _ => String::new(),
        }
    };
    LogError::Empty {
        name: part.name.clone(),
        format: part.format,
        lines: parts.iter().map(|part| part.notes.lines).sum(),
        hint,
    }
}

/// `vsftpd.log in syslog`, or several.
fn formats(parts: &[Part]) -> String {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        let wraps: Vec<&str> = part.wraps.iter().map(|wrap| wrap.name()).collect();
        let name = match &wraps[..] {
            [] => part.format.name().to_owned(),
            wraps => format!("{} in {}", part.format.name(), wraps.join(", ")),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join("; ")
}

/// The requests of all parts in the order of time.
fn gather(parts: &mut [Part]) -> Whole {
    let tells = parts
        .iter()
        .filter(|part| !part.notes.requests.is_empty())
        .map(|part| part.notes.tells)
        .min()
        .unwrap_or_default();
    let mut requests: Vec<Noted> = std::mem::take(&mut parts[0].notes.requests);
    for part in &mut parts[1..] {
        requests.append(&mut part.notes.requests);
    }
    requests.sort_unstable_by_key(|noted| (noted.at, noted.client, noted.held));
    let told = parts.iter().map(|part| part.notes.grain).max().unwrap_or_default();
    Whole { tells, grain: told.max(seen_grain(&requests)), requests }
}

/// What the times show: where all are whole seconds, no fraction is known, whatever is written.
fn seen_grain(requests: &[Noted]) -> Grain {
    const FEWEST: usize = 10;
    let whole = |nanos: u64| {
        requests.len() >= FEWEST && requests.iter().all(|noted| noted.at % nanos as i64 == 0)
    };
    match () {
        () if whole(Grain::Minute.nanos()) => Grain::Minute,
        () if whole(SECOND) => Grain::Second,
        () => Grain::Fine,
    }
}

fn record(
    parts: &[Part],
    noted: Vec<Noted>,
    grain: Grain,
    clients: Clients,
    doubts: &mut Vec<Doubt>,
) -> Recording {
    let measured = measured(parts, &noted, grain, doubts);
    let single = measured.as_ref().is_some_and(|measured| !measured.sample.is_empty());
    let nanos = grain.nanos() as i64;
    let start = noted.first().map_or(0, |first| first.at.div_euclid(nanos) * nanos);
    let requests = noted
        .into_iter()
        .map(|Noted { at, client, held }| Stamp {
            at: ((at - start) / nanos * nanos).unsigned_abs(),
            client,
            held: if single { held } else { NOT_MEASURED },
        })
        .collect();
    let mut recording = Recording { clients: clients.into_names(), requests, grain, measured };
    // Requests of the same moment are in the order of their clients again.
    recording.requests.sort_unstable();
    recording.forget_the_idle();
    recording
}

/// What is known of the times from reply to connection, if it is enough to reckon with.
fn measured(
    parts: &[Part],
    noted: &[Noted],
    grain: Grain,
    doubts: &mut Vec<Doubt>,
) -> Option<Measured> {
    let (mut count, mut sum, mut squares) = (0, 0.0, 0.0);
    for Notes { held, .. } in parts.iter().map(|part| &part.notes) {
        count += held.count;
        sum += held.sum;
        squares += held.squares;
    }
    if count < FEWEST_MEASURED || count * SHARE_MEASURED < noted.len() as u64 {
        return None;
    }
    if !parts.iter().all(|part| part.notes.times.is_kept()) {
        doubts.push(Doubt::not_measured());
        return None;
    }
    let mut n = count as f64;
    if grain > Grain::Fine {
        // A time of less than a second is mostly seen as none: one more that is seen as one
        // keeps none of them from looking certain.
        (n, sum, squares) = (n + 1.0, sum + 1.0, squares + 1.0);
    }
    let mean = sum / n;
    let variance = (squares / n - mean * mean).max(0.0);
    let sample = if grain > Grain::Fine {
        Vec::new()
    } else {
        let mut all: Vec<u32> =
            noted.iter().map(|noted| noted.held).filter(|held| *held != NOT_MEASURED).collect();
        all.sort_unstable();
        let step = all.len().div_ceil(SAMPLE).max(1);
        all.into_iter().skip(step / 2).step_by(step).collect()
    };
    Some(Measured { requests: count, mean: mean.max(0.0), error: (variance / n).sqrt(), sample })
}
