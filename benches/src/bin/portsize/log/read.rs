//! Reading a log from its beginning to its end, a line at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::net::IpAddr;
use std::path::Path;

use super::csv::Columns;
use super::{Entry, Format, Line, csv as comma_separated, muxftpd, vsftpd, xferlog};
use crate::recording::{Recording, SECOND, Stamp};

/// What a log has told.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) format: Format,
    pub(crate) recording: Recording,
    /// Whether the log tells of the requests themselves, not only of the transfers after them.
    pub(crate) exact: bool,
    pub(crate) lines: u64,
    pub(crate) malformed: u64,
    /// The number and the beginning of the first malformed line.
    pub(crate) first_malformed: Option<(u64, String)>,
}

/// Why a log tells nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("cannot read {name}: {error}")]
    Io { name: String, error: io::Error },
    #[error("{name} is empty")]
    Blank { name: String },
    #[error(
        "cannot tell what format {name} has: say --format xferlog, vsftpd, muxftpd (its log in \
         JSON) or csv"
    )]
    UnknownFormat { name: String },
    #[error(
        "{name} is hardly a log of the format {format}: {malformed} of {lines} lines are \
         malformed, the first is line {number}: {example:?}",
        format = format.name()
    )]
    MostlyMalformed {
        name: String,
        format: Format,
        malformed: u64,
        lines: u64,
        number: u64,
        example: String,
    },
    #[error(
        "{name} tells of no transfer ({lines} lines, format {format})", format = format.name()
    )]
    Empty { name: String, format: Format, lines: u64 },
}

/// A longer line is malformed, whatever it says.
const LONGEST_LINE: u64 = 64 * 1024;
/// How much is looked at to tell the format.
const BEGINNING: u64 = 64 * 1024;

/// Reads the log at `path`, `-` being standard input. `progress` is told how many bytes were
/// read.
pub(crate) fn open(
    path: &Path,
    format: Option<Format>,
    progress: impl Fn(u64),
) -> Result<Log, LogError> {
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let failed = |error| LogError::Io { name: name.clone(), error };
    let input: Box<dyn Read> = match &*name {
        "standard input" => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(path).map_err(failed)?),
    };
    let mut input = BufReader::with_capacity(1 << 20, Counting { input, read: 0, progress });
    let mut beginning = Vec::new();
    input.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(failed)?;
    let Some(format) = format.or_else(|| detect(&beginning)) else {
        return Err(if beginning.iter().all(u8::is_ascii_whitespace) {
            LogError::Blank { name }
        } else {
            LogError::UnknownFormat { name }
        });
    };
    let mut notes = Notes::default();
    notes.read(format, Cursor::new(beginning).chain(input)).map_err(failed)?;
    notes.finish(name, format)
}

/// The format that most lines of the beginning look like.
fn detect(beginning: &[u8]) -> Option<Format> {
    let text = String::from_utf8_lossy(beginning);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(50).collect();
    let count =
        |recognises: &dyn Fn(&str) -> bool| lines.iter().filter(|line| recognises(line)).count();
    let votes = [
        (Format::Xferlog, count(&|text| xferlog::line(text) != Line::Malformed)),
        (Format::Vsftpd, count(&|text| vsftpd::line(text) != Line::Malformed)),
        (Format::Muxftpd, count(&|text| muxftpd::line(text) != Line::Malformed)),
        (Format::Csv, count(&comma_separated::looks_like)),
    ];
    let (format, votes) = votes.into_iter().max_by_key(|&(_, votes)| votes)?;
    (votes > 0).then_some(format)
}

/// What is kept while reading: 16 bytes for each request.
#[derive(Default)]
struct Notes {
    names: Names,
    requests: Vec<(i64, u32)>,
    transfers: Vec<(i64, u32)>,
    whole_seconds: bool,
    lines: u64,
    malformed: u64,
    first_malformed: Option<(u64, String)>,
}

impl Notes {
    fn read(&mut self, format: Format, input: impl BufRead) -> io::Result<()> {
        match format {
            Format::Xferlog => self.read_lines(input, xferlog::line),
            Format::Vsftpd => self.read_lines(input, vsftpd::line),
            Format::Muxftpd => self.read_lines(input, muxftpd::line),
            Format::Csv => self.read_csv(input),
        }
    }

    fn read_lines(
        &mut self,
        mut input: impl BufRead,
        parse: impl Fn(&str) -> Line<'_>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(());
            }
            if bytes.len() as u64 == LONGEST_LINE && bytes.last() != Some(&b'\n') {
                input.skip_until(b'\n')?;
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end();
            if !text.trim_start().is_empty() {
                self.lines += 1;
                self.note(parse(text), self.lines, text);
            }
        }
    }

    fn read_csv(&mut self, input: impl Read) -> io::Result<()> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
        let mut columns = Columns::FIRST;
        let mut fields = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut fields) {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(error) if error.is_io_error() => return Err(io::Error::other(error)),
                Err(_) => {
                    self.lines += 1;
                    self.note(Line::Malformed, self.lines, "");
                    continue;
                }
            }
            self.lines += 1;
            if self.lines == 1
                && let Some(named) = Columns::of_header(&fields)
            {
                columns = named;
                continue;
            }
            let text = || fields.iter().collect::<Vec<_>>().join(",");
            match comma_separated::record(&fields, columns) {
                Line::Malformed => self.note(Line::Malformed, self.lines, &text()),
                line => self.note(line, self.lines, ""),
            }
        }
    }

    fn note(&mut self, line: Line<'_>, number: u64, text: &str) {
        match line {
            Line::Request(entry) => {
                // What the requests tell, the transfers would tell again.
                self.transfers = Vec::new();
                let stamp = self.stamp(&entry);
                self.requests.push(stamp);
            }
            Line::Transfer(entry) if self.requests.is_empty() => {
                let stamp = self.stamp(&entry);
                self.transfers.push(stamp);
            }
            Line::Transfer(_) | Line::Other => {}
            Line::Malformed => {
                self.malformed += 1;
                self.first_malformed
                    .get_or_insert_with(|| (number, text.chars().take(80).collect()));
            }
        }
    }

    fn stamp(&mut self, entry: &Entry<'_>) -> (i64, u32) {
        self.whole_seconds |= entry.whole_second;
        (entry.at, self.names.number(entry.client))
    }

    fn finish(self, name: String, format: Format) -> Result<Log, LogError> {
        let Self { lines, malformed, first_malformed, whole_seconds, .. } = self;
        if malformed * 2 > lines {
            let (number, example) = first_malformed.unwrap_or_default();
            return Err(LogError::MostlyMalformed {
                name,
                format,
                malformed,
                lines,
                number,
                example,
            });
        }
        let exact = !self.requests.is_empty();
        let stamps = if exact { self.requests } else { self.transfers };
        let Some(start) = stamps.iter().map(|&(at, _)| at).min() else {
            return Err(LogError::Empty { name, format, lines });
        };
        let second = SECOND as i64;
        let start = if whole_seconds { start.div_euclid(second) * second } else { start };
        let mut requests: Vec<Stamp> = stamps
            .into_iter()
            .map(|(at, client)| {
                let at = (at - start).unsigned_abs();
                Stamp { at: if whole_seconds { at / SECOND * SECOND } else { at }, client }
            })
            .collect();
        requests.sort_unstable();
        let recording = Recording { clients: self.names.names, requests, whole_seconds };
        Ok(Log { format, recording, exact, lines, malformed, first_malformed })
    }
}

/// Numbers for names. An address has one number, in whatever way it is written.
#[derive(Default)]
struct Names {
    numbers: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let canonical: Box<str> = match name.parse::<IpAddr>() {
            Ok(ip) => ip.to_canonical().to_string().into(),
            Err(_) => name.into(),
        };
        let number = *self.numbers.entry(canonical.clone()).or_insert_with(|| {
            self.names.push(canonical);
            self.names.len() as u32 - 1
        });
        self.numbers.insert(name.into(), number);
        number
    }
}

/// Tells how far reading has come.
struct Counting<R, F> {
    input: R,
    read: u64,
    progress: F,
}

impl<R: Read, F: Fn(u64)> Read for Counting<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read += read as u64;
        (self.progress)(self.read);
        Ok(read)
    }
}
