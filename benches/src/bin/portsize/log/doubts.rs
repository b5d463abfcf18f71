//! What speaks against an answer, and what it does to it.

use std::net::IpAddr;
use std::time::Duration;

use super::client::Clients;
use super::notes::{Noted, Tells};
use super::read::{Cut, Part};
use super::sniff;
use super::{Format, LogError};
use crate::recording::{Grain, HOUR, Recording, SECOND};

/// Something that an operator must know before trusting the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Its name, for programs.
    pub(crate) kind: &'static str,
    /// What it is, and what it does to the answer.
    pub(crate) text: String,
}

/// All requests, before they become a recording.
pub(super) struct Whole {
    pub(super) tells: Tells,
    pub(super) grain: Grain,
    pub(super) requests: Vec<Noted>,
}

/// Fewer say little about how many come at a time.
const FEW: usize = 200;
const SHORT: u64 = HOUR;
/// A pause that is not worth a word.
const PAUSE: u64 = 10 * 60 * SECOND;

impl Doubt {
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn not_measured() -> Self {
        Self::new(
            "disorder",
            "The lines are out of order, so the times from reply to connection cannot be read \
             from them: the assumed ones are used.",
        )
    }

    /// What makes an answer too small comes first.
    pub(super) fn weight(&self) -> u8 {
        match self.kind {
            "few_requests" | "short" | "cut" | "unreadable" | "missing" | "same_address"
            | "orphans" | "transfers_only" => 0,
            "silence" | "clock" | "overlap" | "repeated" | "shortened" | "formats" | "zones" => 1,
            _ => 2,
        }
    }
}

/// Whether the clients can be told apart by what the log calls them.
pub(super) fn of_clients(clients: &Clients, names_will_do: bool) -> Result<(), LogError> {
    let hosts: Vec<&str> = clients.hosts().collect();
    let all = hosts.len() + clients.addresses().count();
    if let (Some(example), false) = (hosts.iter().min(), names_will_do) {
        let example = (*example).to_owned();
        return Err(LogError::Names { count: hosts.len(), all, example });
    }
    // 2001:db8::1:40123 is an address, but mostly another one with a port behind.
    let mut prefixes = std::collections::HashSet::new();
    let (mut ported, mut six, mut example) = (0, 0, String::new());
    for address in clients.addresses() {
        let IpAddr::V6(address) = address else { continue };
        six += 1;
        let segments = address.segments();
        let last = format!("{:x}", segments[7]);
        let port = last.parse::<u32>().is_ok_and(|port| (1024..=65_535).contains(&port));
        if port || last.len() == 4 && last.parse::<u32>().is_ok() {
            ported += 1;
            example = address.to_string();
            prefixes.insert(<[u16; 7]>::try_from(&segments[..7]).unwrap_or_default());
        }
    }
    if ported >= 5 && ported * 5 >= six * 4 && prefixes.len() * 2 <= ported {
        return Err(LogError::Ports { count: ported, example });
    }
    Ok(())
}

/// Doubts about single files and how they fit together. Files that say what another has said are
/// emptied.
pub(super) fn of_parts(parts: &mut [Part]) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    twice(parts, &mut doubts);
    let more = parts.len() > 1;
    for part in &*parts {
        let (notes, of) = (&part.notes, if more { &*part.name } else { "the log" });
        if let Some(cut) = part.cut {
            let how = match cut {
                Cut::Line => "in the middle of a line",
                Cut::Packing => "in the middle of what is packed",
            };
            doubts.push(Doubt::new(
                "cut",
                format!(
                    "{} ends {how}: what came after it is missing, and the busiest hour may be \
                     there.",
                    capital(of)
                ),
            ));
        }
        if notes.unreadable * 100 > notes.lines && part.cut.is_none() {
            let share = notes.unreadable as f64 / notes.lines as f64;
            let like = match sniff::resembles(&notes.sample) {
                Some(other) if other != part.format => {
                    format!(" They look like {}: give that log by itself.", other.name())
                }
                _ => String::new(),
            };
            doubts.push(Doubt::new(
                "unreadable",
                format!(
                    "{:.0} % of the lines of {of} cannot be read: if they were requests, the load \
                     is up to {:.0} % greater.{like}",
                    (share * 100.0).max(1.0),
                    (share / (1.0 - share) * 100.0).max(1.0),
                ),
            ));
        }
        order(part, of, &mut doubts);
        zones(part, of, &mut doubts);
        if notes.orphans > 0 {
            doubts.push(Doubt::new(
                "orphans",
                format!(
                    "{} of sessions that began before {of} are left out, because nothing says \
                     whose they are.",
                    several(notes.orphans, "request")
                ),
            ));
        }
        if notes.left_out > 0 && notes.tells == Tells::Transfers {
            doubts.push(Doubt::new(
                "missing",
                format!(
                    "muxftpd left {} out of {of}, because clients made too many: more ports are \
                     needed, unless it logged them as DEBUG (--log-level info,muxftpd=debug).",
                    several(notes.left_out, "transfer")
                ),
            ));
        }
        if notes.portless > 0 {
            doubts.push(Doubt::new(
                "portless",
                format!(
                    "{} of {of} took no passive port (SFTP, HTTP or active mode) and are left out.",
                    several(notes.portless, "transfer")
                ),
            ));
        }
        let (before, after) = notes.transfers;
        if notes.tells == Tells::Requests && before > 0 {
            doubts.push(Doubt::new(
                "missing",
                format!(
                    "{} in {of} from before it told of requests are left out: the answer is for \
                     the rest.",
                    several(before, "transfer")
                ),
            ));
        }
        if notes.tells == Tells::Requests && after > 2 * notes.requests.len() as u64 {
            doubts.push(Doubt::new(
                "missing",
                format!(
                    "{} tells of {after} transfers, but only of {}: either most are of the active \
                     kind, or not all commands are logged and more ports are needed.",
                    capital(of),
                    several(notes.requests.len() as u64, "request")
                ),
            ));
        }
        if part.format == Format::AwsTransfer {
            doubts.push(Doubt::new(
                "protocols",
                "AWS Transfer does not log which sessions are of SFTP, which takes no passive \
                 port: they are counted too, and without them fewer ports may do.",
            ));
        }
    }
    together(parts, &mut doubts);
    doubts
}

fn order(part: &Part, of: &str, doubts: &mut Vec<Doubt>) {
    let times = &part.notes.times;
    if times.newest_first() {
        doubts.push(Doubt::new(
            "newest_first",
            format!(
                "The newest lines of {of} come first. They are put in order; that changes nothing."
            ),
        ));
    } else if times.back > 0 {
        let (from, to) = times.longest_back;
        let back = Duration::from_nanos(from.abs_diff(to));
        doubts.push(Doubt::new(
            "clock",
            format!(
                "The clock of {of} goes back {}, first at line {}, by up to {}. Requests are put \
                 in the order of their times: where the clock was set back, or a part is there \
                 twice, more of them come together than really did.",
                several(times.back, "time"),
                times.first_back,
                length(back),
            ),
        ));
    }
}

fn zones(part: &Part, of: &str, doubts: &mut Vec<Doubt>) {
    match part.notes.zones {
        (true, true) => doubts.push(Doubt::new(
            "zones",
            format!(
                "Some times of {of} name their zone and some do not, which are taken to be UTC: \
                 they may lie hours beside the others."
            ),
        )),
        (true, false) => doubts.push(Doubt::new(
            "no_zone",
            format!(
                "The times of {of} name no zone. Only the time between them counts, so this \
                 matters only if the clocks were changed meanwhile: then an hour looks empty, or \
                 twice as full."
            ),
        )),
        _ => {}
    }
    if part.years_passed > 0 {
        doubts.push(Doubt::new(
            "no_year",
            format!(
                "The times of {of} name no year: where January follows December, a new one is \
                 taken to begin."
            ),
        ));
    }
}

/// Files that are there twice, in whole or in part.
fn twice(parts: &mut [Part], doubts: &mut Vec<Doubt>) {
    if parts.len() < 2 {
        return;
    }
    for part in &mut *parts {
        part.notes.requests.sort_unstable_by_key(|noted| (noted.at, noted.client));
    }
    let key = |noted: &Noted| (noted.at, noted.client);
    for second in 1..parts.len() {
        let (before, rest) = parts.split_at_mut(second);
        let part = &mut rest[0];
        let requests = &part.notes.requests;
        for other in before {
            let others = &other.notes.requests;
            let (Some(first), Some(last)) = (requests.first(), requests.last()) else { continue };
            if requests.len() == others.len() && requests.iter().map(key).eq(others.iter().map(key))
            {
                doubts.push(Doubt::new(
                    "same_file",
                    format!("{} says the same as {}, and is counted once.", part.name, other.name),
                ));
                part.notes.requests = Vec::new();
                part.notes.held = Default::default();
                break;
            }
            let within = others.partition_point(|noted| noted.at < first.at)
                ..others.partition_point(|noted| noted.at <= last.at);
            let others = &others[within];
            let (mut same, mut at) = (0, 0);
            for noted in requests {
                while others.get(at).is_some_and(|other| key(other) < key(noted)) {
                    at += 1;
                }
                if others.get(at).is_some_and(|other| key(other) == key(noted)) {
                    same += 1;
                    at += 1;
                }
            }
            if same >= 3 && same * 2 > others.len().min(requests.len()) {
                doubts.push(Doubt::new(
                    "overlap",
                    format!(
                        "{} of {} are in {} too, of the same client at the same time: if they are \
                         the same ones, they count twice, and fewer ports may do.",
                        several(same as u64, "request"),
                        part.name,
                        other.name
                    ),
                ));
            } else if !others.is_empty() && other.format != part.format {
                doubts.push(Doubt::new(
                    "formats",
                    format!(
                        "{} and {} cover the same time in different formats: if both tell of the \
                         same transfers, each counts twice, and fewer ports may do.",
                        other.name, part.name
                    ),
                ));
            }
        }
    }
}

fn together(parts: &[Part], doubts: &mut Vec<Doubt>) {
    let beginnings: Vec<i64> = parts
        .iter()
        .filter_map(|part| part.notes.requests.iter().map(|noted| noted.at).min())
        .collect();
    if !beginnings.is_sorted() {
        doubts.push(Doubt::new(
            "files_in_order",
            "The files were not given in the order of time. They are put in order; that changes \
             nothing.",
        ));
    }
    let zoned = |part: &Part| part.notes.zones == (false, true);
    let unzoned = |part: &Part| part.notes.zones == (true, false);
    if parts.iter().any(zoned) && parts.iter().any(unzoned) {
        doubts.push(Doubt::new(
            "zones",
            "Some files name the zone of their times and some do not, which are taken to be UTC: \
             they may lie hours beside the others.",
        ));
    }
}

/// Doubts about what all have told together.
pub(super) fn of_recording(recording: &Recording, parts: &[Part], tells: Tells) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let requests = &recording.requests;
    let span = recording.span();
    let lasting = length(Duration::from_nanos(span));
    if requests.len() < FEW {
        doubts.push(Doubt::new(
            "few_requests",
            format!(
                "There are only {} in {lasting}: the answer is for these, and a busier time may \
                 need more ports.",
                several(requests.len() as u64, "request")
            ),
        ));
    } else if span < SHORT {
        doubts.push(Doubt::new(
            "short",
            format!(
                "The log covers only {lasting}: the answer is for that time, and a busier one may \
                 need more ports."
            ),
        ));
    }
    silence(recording, &lasting, &mut doubts);
    if recording.grain == Grain::Minute {
        doubts.push(Doubt::new(
            "minutes",
            "Times are whole minutes: each request is put at a random moment of its minute, so \
             what comes at the same moment is not seen, and more ports may be needed.",
        ));
    }
    match tells {
        Tells::Requests => {}
        Tells::Transfers => doubts.push(Doubt::new(
            "transfers_only",
            "The log tells of transfers: requests that were refused are not in it, and mostly no \
             listings of directories, which take a port too. There were more requests than these.",
        )),
        Tells::Fetches => doubts.push(Doubt::new(
            "transfers_only",
            "The log tells of commands that transfer, not of PASV and EPSV: those that failed are \
             in it, and those of the active kind.",
        )),
    }
    repeated(recording, &mut doubts);
    if let [client] = &recording.clients[..] {
        doubts.push(Doubt::new(
            "same_address",
            format!(
                "All requests come from one address, {client}: if that is a proxy or a balancer, \
                 the log does not tell its clients apart, and the answer is for all of them \
                 behind one address."
            ),
        ));
    }
    let shortened = |name: &str| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.octets()[3] == 0,
        Ok(IpAddr::V6(address)) => address.segments()[4..] == [0; 4],
        Err(_) => false,
    };
    if recording.clients.len() >= 3 && recording.clients.iter().all(|name| shortened(name)) {
        doubts.push(Doubt::new(
            "shortened",
            "The addresses look shortened, since all end in zero: clients that differ only there \
             are taken for one, and fewer ports may do.",
        ));
    }
    if parts.iter().any(|part| part.notes.grain == Grain::Fine)
        && parts.iter().any(|part| part.notes.grain > Grain::Fine)
        && parts.len() > 1
    {
        doubts.push(Doubt::new(
            "grains",
            "Some files know fractions of a second and some do not: all times are taken as if \
             they did not.",
        ));
    }
    doubts
}

fn silence(recording: &Recording, lasting: &str, doubts: &mut Vec<Doubt>) {
    let requests = &recording.requests;
    let span = recording.span();
    let gaps = requests.windows(2).map(|pair| pair[1].at - pair[0].at);
    // What is no pause, but the usual distance.
    let silent: u64 = gaps.filter(|gap| *gap >= PAUSE).sum();
    if silent * 2 < span {
        return;
    }
    doubts.push(Doubt::new(
        "silence",
        format!(
            "The log is silent for {} of its {lasting}, in pauses of ten minutes or more: the \
             answer rests on what came in between. If lines are missing there, so is what they \
             would have told, and more ports may be needed.",
            length(Duration::from_nanos(silent)),
        ),
    ));
}

fn repeated(recording: &Recording, doubts: &mut Vec<Doubt>) {
    if recording.grain > Grain::Fine || recording.requests.len() < 10 {
        return;
    }
    let same = recording
        .requests
        .windows(2)
        .filter(|pair| (pair[0].at, pair[0].client) == (pair[1].at, pair[1].client))
        .count();
    if same * 5 > recording.requests.len() {
        doubts.push(Doubt::new(
            "repeated",
            format!(
                "{} are there twice, of the same client at the same moment: if lines were \
                 repeated, they count twice, and fewer ports may do.",
                several(same as u64, "request")
            ),
        ));
    }
}

fn several(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn length(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

fn capital(text: &str) -> String {
    match text {
        "the log" => "The log".to_owned(),
        name => name.to_owned(),
    }
}
