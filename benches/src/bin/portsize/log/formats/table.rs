//! A table: comma-separated, or by whatever mark separates its columns.
//!
//! With a header, the columns are found by their names. Without, it must be plain which holds the
//! time and which the client, and nothing may be left that nobody can explain.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::log::client::Client;
use crate::log::columns::{self, Named, portless};
use crate::log::time::{Moment, Times};
use crate::log::words::event;
use crate::log::{Event, Said, What, session};

/// How many fields of a line are looked at.
const FIELDS: usize = 64;
const SEPARATORS: [u8; 6] = [b',', b';', b'\t', b'|', b'^', b' '];

/// A table's columns.
#[derive(Debug)]
pub(in crate::log) struct Table {
    separator: u8,
    header: Option<Box<[u8]>>,
    time: TimeAt,
    client: usize,
    event: Option<usize>,
    status: Option<usize>,
    session: Option<usize>,
    protocol: Option<usize>,
    cells: Cells,
    both: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TimeAt {
    One(usize),
    /// Date and clock.
    Two(usize, usize),
}

/// Why a table cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::log) enum TableTrouble {
    /// It is no table.
    None,
    /// The header's names are not known.
    Header { header: String },
    /// The header is known, what is below it is not.
    Values { name: String, example: String },
    /// No header, and it is not plain what the columns are.
    Columns { why: String },
}

/// The fields of one line.
#[derive(Debug)]
struct Cells {
    reader: Reader,
    output: Vec<u8>,
    ends: [usize; FIELDS],
    count: usize,
}

impl Cells {
    fn new(separator: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(separator).build(),
            output: Vec::new(),
            ends: [0; FIELDS],
            count: 0,
        }
    }

    /// Takes a line apart.
    fn split(&mut self, line: &[u8], separator: u8) -> usize {
        self.count = 0;
        if memchr::memchr(b'"', line).is_none() {
            self.output.clear();
            self.output.extend_from_slice(line);
            for end in memchr::memchr_iter(separator, line).chain([line.len()]).take(FIELDS) {
                self.ends[self.count] = end;
                self.count += 1;
            }
            return self.count;
        }
        self.reader.reset();
        self.output.resize(line.len() + 1, 0);
        let (result, _, written, ends) =
            self.reader.read_record(line, &mut self.output, &mut self.ends);
        self.count = ends;
        if result == ReadRecordResult::InputEmpty {
            // Nothing follows: that ends the last field.
            let (_, _, _, last) =
                self.reader.read_record(&[], &mut self.output[written..], &mut self.ends[ends..]);
            self.count += last;
        }
        self.separated(separator);
        self.count
    }

    /// Puts the fields as far apart as those of a line without quotes.
    fn separated(&mut self, separator: u8) {
        let mut apart = Vec::with_capacity(self.output.len() + self.count);
        let mut start = 0;
        for end in &mut self.ends[..self.count] {
            apart.extend_from_slice(&self.output[start..*end]);
            start = *end;
            *end = apart.len();
            apart.push(separator);
        }
        self.output = apart;
    }

    fn get(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.count].get(number)?;
        let start = if number == 0 { 0 } else { self.ends[number - 1] + 1 };
        Some(self.output[start..end].trim_ascii())
    }
}

impl Table {
    /// Finds out what a table's columns are from its first lines.
    pub(in crate::log) fn of(lines: &[&[u8]]) -> Result<Self, TableTrouble> {
        let mut lines = lines;
        let mut separators = &SEPARATORS[..];
        let told;
        // As spreadsheets write it.
        if let Some([separator]) = lines.first().and_then(|line| line.strip_prefix(b"sep=")) {
            told = [*separator];
            separators = &told;
            lines = &lines[1..];
        }
        let mut trouble = TableTrouble::None;
        let mut best: Option<(usize, Self)> = None;
        for &separator in separators {
            let rows = rows(lines, separator);
            match Self::with(separator, lines, &rows) {
                Ok(mut table) => {
                    let mut times = Times::default();
                    let read =
                        |line: &&&[u8]| matches!(table.line(line, &mut times), Said::Event(_));
                    let readable = lines.iter().filter(read).count();
                    if readable > best.as_ref().map_or(0, |(most, _)| *most) {
                        best = Some((readable, table));
                    }
                }
                // What is nearest to a table has the word.
                Err(found) if found.nearness() > trouble.nearness() => trouble = found,
                Err(_) => {}
            }
        }
        match best {
            // A few lines that happen to fit are no table.
            Some((readable, table)) if readable * 2 >= lines.len().saturating_sub(1) => Ok(table),
            _ => Err(trouble),
        }
    }

    fn with(separator: u8, lines: &[&[u8]], rows: &[Vec<Vec<u8>>]) -> Result<Self, TableTrouble> {
        let usual = usual_count(rows);
        if usual < 2 {
            return Err(TableTrouble::None);
        }
        let Some(first) = rows.first() else { return Err(TableTrouble::None) };
        let is_header =
            first.len() == usual && is_header(first) && !(separator == b' ' && usual > 3);
        let body: Vec<&Vec<Vec<u8>>> =
            rows.iter().skip(usize::from(is_header)).filter(|row| row.len() == usual).collect();
        if body.len() * 2 < rows.len().saturating_sub(usize::from(is_header)) || body.is_empty() {
            return Err(TableTrouble::None);
        }
        let found =
            if is_header { by_name(first, &body)? } else { by_values(usual, &body, separator)? };
        let Found { time, client, named } = found;
        Ok(Self {
            separator,
            header: is_header.then(|| lines[0].into()),
            time,
            client,
            event: named.event,
            status: named.status,
            session: named.session,
            protocol: named.protocol,
            cells: Cells::new(separator),
            both: Vec::new(),
        })
    }

    pub(super) fn line<'a>(&'a mut self, line: &[u8], times: &mut Times) -> Said<'a> {
        if self.header.as_deref() == Some(line) || line.starts_with(b"sep=") {
            return Said::Other;
        }
        self.read(line, times).unwrap_or(Said::Unreadable)
    }

    fn read<'a>(&'a mut self, line: &[u8], times: &mut Times) -> Option<Said<'a>> {
        self.cells.split(line, self.separator);
        let cells = &self.cells;
        let at = match self.time {
            TimeAt::One(column) => times.any(cells.get(column)?)?,
            TimeAt::Two(date, clock) => {
                self.both.clear();
                self.both.extend_from_slice(cells.get(date)?);
                self.both.push(b' ');
                self.both.extend_from_slice(cells.get(clock)?);
                times.any(&self.both)?
            }
        };
        let cell = |column: Option<usize>| cells.get(column?);
        let what = match cell(self.event) {
            Some(word) => columns::what(word, cell(self.status))?,
            None => What::Asked,
        };
        let what = match cell(self.protocol) {
            Some(name) if portless(name) && what != What::Nothing => What::Portless,
            _ => what,
        };
        let session = cell(self.session).filter(|id| !nothing(id)).map(|id| session(&[id]));
        let client = cells.get(self.client)?;
        let client = match Client::read(client) {
            Some(_) => Some(client),
            None if what == What::Nothing || (nothing(client) && session.is_some()) => None,
            None => return None,
        };
        Some(Said::Event(Event { at, client, session, what }))
    }
}

impl TableTrouble {
    fn nearness(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Columns { .. } => 1,
            Self::Header { .. } => 2,
            Self::Values { .. } => 3,
        }
    }
}

fn nothing(field: &[u8]) -> bool {
    matches!(field, b"" | b"-" | b"null")
}

struct Found {
    time: TimeAt,
    client: usize,
    named: Named,
}

fn by_name(header: &[Vec<u8>], body: &[&Vec<Vec<u8>>]) -> Result<Found, TableTrouble> {
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let mut named = Named::of(names.iter().map(String::as_str));
    if !named.suffices() {
        return Err(TableTrouble::Header { header: names.join(", ") });
    }
    let values = |column: usize| body.iter().map(move |row| &row[column][..]);
    let most = |count: usize| count * 2 >= body.len();
    let mut times = Times::default();
    let one = named
        .times
        .iter()
        .find(|&&column| most(values(column).filter(|v| times.any(v).is_some()).count()))
        .map(|&column| TimeAt::One(column));
    let two = || {
        let (date, clock) = named.date_and_clock?;
        let mut times = Times::default();
        let read = body.iter().filter(|row| both(row, date, clock, &mut times).is_some());
        most(read.count()).then_some(TimeAt::Two(date, clock))
    };
    let example = |column: usize| TableTrouble::Values {
        name: names[column].clone(),
        example: String::from_utf8_lossy(&body[0][column]).into_owned(),
    };
    let time = one.or_else(two).ok_or_else(|| {
        example(
            named
                .times
                .first()
                .copied()
                .or(named.date_and_clock.map(|(date, _)| date))
                .unwrap_or(0),
        )
    })?;
    let addresses = |column: usize| values(column).filter(|v| Client::is_address(v)).count();
    let filled = |column: usize| values(column).filter(|v| !nothing(v)).count();
    // Addresses before names, and both before what is nothing.
    let holding: Vec<usize> = named
        .clients
        .iter()
        .copied()
        .filter(|&column| addresses(column) > 0 && addresses(column) * 2 >= filled(column))
        .collect();
    if let [first, others @ ..] = &holding[..]
        && let Some(other) =
            others.iter().find(|&&other| values(*first).zip(values(other)).any(|(a, b)| a != b))
    {
        return Err(TableTrouble::Columns {
            why: format!(
                "the columns {} and {} may both be the client: leave one of them out",
                names[*first], names[*other]
            ),
        });
    }
    let client = holding.first().copied().unwrap_or(named.clients[0]);
    if values(client).all(|value| Client::read(value).is_none()) {
        return Err(example(client));
    }
    if named.event.is_none() {
        named.event = (0..header.len())
            .find(|&column| column != client && is_event(values(column), body.len()));
    }
    // A number beside a command is its reply, one beside nothing is not.
    if named.event.is_none() {
        named.status = None;
    }
    Ok(Found { time, client, named })
}

/// Without a header, columns are told by what is in them.
fn by_values(usual: usize, body: &[&Vec<Vec<u8>>], separator: u8) -> Result<Found, TableTrouble> {
    let values = |column: usize| body.iter().map(move |row| &row[column][..]);
    let most = |count: usize| count * 5 >= body.len() * 4;
    let holds = |is: &mut dyn FnMut(&[u8]) -> bool, column: usize| {
        most(values(column).filter(|value| is(value)).count())
    };
    let mut times = Times::default();
    let mut moments: Vec<TimeAt> = (0..usual)
        .filter(|&column| holds(&mut |value| times.any(value).is_some(), column))
        .map(TimeAt::One)
        .collect();
    if moments.is_empty() {
        let pairs = (0..usual).zip(1..usual).filter(|&(date, clock)| {
            most(body.iter().filter(|row| both(row, date, clock, &mut times).is_some()).count())
        });
        moments = pairs.map(|(date, clock)| TimeAt::Two(date, clock)).collect();
    }
    let clients: Vec<usize> = (0..usual)
        .filter(|&column| holds(&mut |value| Client::is_address(value), column))
        .collect();
    // Words with blanks between them are mostly no table.
    let columns = |why: String| {
        Err(if separator == b' ' { TableTrouble::None } else { TableTrouble::Columns { why } })
    };
    let (&[time], &[client]) = (&moments[..], &clients[..]) else {
        return if moments.is_empty() || clients.is_empty() {
            // With a time, but no address, or the other way round, it may be anything.
            Err(TableTrouble::None)
        } else {
            columns("there is no header, and several columns may be the time or the client".into())
        };
    };
    let taken = |column: usize| {
        column == client
            || match time {
                TimeAt::One(one) => column == one,
                TimeAt::Two(date, clock) => column == date || column == clock,
            }
    };
    let mut named = Named::default();
    for column in (0..usual).filter(|&column| !taken(column)) {
        let number = |value: &[u8]| {
            value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
        };
        if is_event(values(column), body.len()) && named.event.is_none() {
            named.event = Some(column);
        } else if separator == b' ' || !values(column).all(number) {
            return columns(format!(
                "there is no header, and nobody can tell what column {} holds, such as {:?}",
                column + 1,
                String::from_utf8_lossy(&body[0][column])
            ));
        }
    }
    Ok(Found { time, client, named })
}

/// Whether a column holds commands, or the like, some of which take a port.
fn is_event<'a>(values: impl Iterator<Item = &'a [u8]>, all: usize) -> bool {
    let (mut known, mut ports) = (0, 0);
    for value in values {
        if let Some(what) = event(value) {
            known += 1;
            ports += usize::from(what != What::Nothing);
        }
    }
    ports > 0 && known * 5 >= all * 4
}

fn both(row: &[Vec<u8>], date: usize, clock: usize, times: &mut Times) -> Option<Moment> {
    let text = [&row[date][..], b" ", &row[clock]].concat();
    times.any(&text)
}

/// Whether a row names columns: each field has a word, and none a time or an address.
fn is_header(row: &[Vec<u8>]) -> bool {
    let mut times = Times::default();
    let telling = |word: &[u8]| {
        // `14:02`, in whatever it stands.
        let clock = word.windows(4).any(|part| {
            part[1] == b':' && part[0].is_ascii_digit() && part[2..].iter().all(u8::is_ascii_digit)
        });
        clock || Client::is_address(word)
    };
    let mut word = |field: &[u8]| {
        field.iter().any(u8::is_ascii_alphabetic)
            && times.any(field).is_none()
            && !field.split(u8::is_ascii_whitespace).any(telling)
    };
    row.iter().all(|field| field.is_empty() || word(field)) && row.iter().any(|f| !f.is_empty())
}

fn rows(lines: &[&[u8]], separator: u8) -> Vec<Vec<Vec<u8>>> {
    let mut cells = Cells::new(separator);
    lines
        .iter()
        .map(|line| {
            let count = cells.split(line, separator);
            (0..count).map(|number| cells.get(number).unwrap_or_default().to_vec()).collect()
        })
        .collect()
}

/// How many fields most rows have.
fn usual_count(rows: &[Vec<Vec<u8>>]) -> usize {
    let mut counts = [0_usize; FIELDS + 1];
    for row in rows {
        counts[row.len()] += 1;
    }
    (0..counts.len()).max_by_key(|&count| counts[count]).unwrap_or(0)
}

#[cfg(test)]
mod tests;
