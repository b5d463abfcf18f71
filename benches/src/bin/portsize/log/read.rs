//! Reading a log from its beginning to its end, a line at a time.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use super::client::Clients;
use super::formats::table::TableTrouble;
use super::input::Input;
use super::notes::Notes;
use super::shown::{escaped, shortened};
use super::sniff::{self, BEGINNING, Sniffed};
use super::time::{DateTrouble, Times};
use super::wrap::{self, Wrap};
use super::{DateOrder, Format, LogError, Reading};

/// What one file, or standard input, has told.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) wraps: Vec<Wrap>,
    pub(super) notes: Notes,
    /// Whether its end is missing.
    pub(super) cut: Option<Cut>,
    /// In what order its dates stand, if that had to be found out.
    pub(super) dates: Option<DateOrder>,
    pub(super) years_passed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// In the middle of a line.
    Line,
    /// In the middle of what is packed.
    Packing,
}

/// A longer line cannot be read, whatever it says.
const LONGEST_LINE: usize = 256 * 1024;
const BUFFER: usize = 4 * LONGEST_LINE;

pub(super) fn read(
    mut input: Input<'_>,
    reading: Reading,
    clients: &mut Clients,
) -> Result<Part, LogError> {
    let name = input.name.clone();
    let failed = |error| LogError::Io { name: name.clone(), error };
    let mut lines = Lines::new(input.packed);
    while lines.filled() < BEGINNING && lines.fill(&mut *input.bytes).map_err(failed)? {}
    let beginning = lines.beginning();
    if beginning.iter().all(u8::is_ascii_whitespace) {
        return Err(match lines.failed.take() {
            Some(error) => LogError::Damaged { name, error },
            None => LogError::Blank { name },
        });
    }
    let Sniffed { format, wraps, programs, mut parser } =
        sniff::sniff(beginning, reading.format)
            .map_err(|found| trouble(found, &name, beginning))?;

    let (mut notes, mut times) = (Notes::default(), Times::default());
    let mut take = |text: &[u8]| {
        let text = text.trim_ascii_end();
        if text.trim_ascii_start().is_empty() {
            return;
        }
        match wrap::bare(text, &wraps, &mut times) {
            Some(bare)
                if bare.program.as_ref().is_some_and(|one| !programs.contains(one))
                    && !programs.is_empty() =>
            {
                notes.other();
            }
            Some(bare) => {
                notes.take(parser.line(&bare.text, bare.outer, &mut times), text, clients);
            }
            // As journalctl writes it.
            None if text.starts_with(b"-- ") => notes.other(),
            None => notes.unread(text),
        }
    };
    loop {
        lines.each(&mut take);
        if !lines.fill(&mut *input.bytes).map_err(failed)? {
            break;
        }
    }
    let unended = lines.last(&mut take);
    let cut = if lines.failed.is_some() {
        Some(Cut::Packing)
    } else {
        (unended && notes.last_unreadable == notes.lines).then_some(Cut::Line)
    };
    notes.end();

    let mut dates = None;
    if times.has_numbered() {
        let (resolve, order) = times.resolve(reading.dates).map_err(|trouble| match trouble {
            DateTrouble::Ambiguous { example } => {
                LogError::AmbiguousDates { name: name.clone(), example }
            }
            DateTrouble::Contradictory { one, other } => {
                LogError::ContradictoryDates { name: name.clone(), one, other }
            }
        })?;
        dates = order;
        for noted in &mut notes.requests {
            noted.at = resolve(noted.at);
        }
        let (from, to) = notes.times.longest_back;
        notes.times.longest_back = (resolve(from), resolve(to));
    }
    if notes.unreadable * 2 > notes.lines {
        let (number, example) = notes.first_unreadable.take().unwrap_or_default();
        let also = match sniff::resembles(&notes.sample) {
            Some(other) if other != format => format!("; these look like {}", other.name()),
            _ => String::new(),
        };
        let Notes { unreadable, lines, .. } = notes;
        return Err(LogError::MostlyUnreadable {
            name,
            format,
            unreadable,
            lines,
            number,
            example,
            also,
        });
    }
    Ok(Part { name, format, wraps, notes, cut, dates, years_passed: times.years_passed })
}

fn trouble(found: TableTrouble, name: &str, beginning: &[u8]) -> LogError {
    let name = name.to_owned();
    if is_binary(beginning) {
        return LogError::NotText { name };
    }
    match found {
        TableTrouble::Header { header } => {
            LogError::Header { name, header: shortened(header.as_bytes()) }
        }
        TableTrouble::Values { name: column, example } => LogError::Values {
            name,
            column: shortened(column.as_bytes()),
            example: shortened(example.as_bytes()),
        },
        TableTrouble::Columns { why } => LogError::Columns { name, why: escaped(&why) },
        TableTrouble::None => {
            let first = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
            LogError::UnknownFormat {
                first: shortened(first),
                recipe: sniff::recipe(beginning, &name),
                name,
            }
        }
    }
}

/// Whether it is no text: it has a NUL, or every tenth byte is one that no line has.
fn is_binary(beginning: &[u8]) -> bool {
    let no_text = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    beginning.contains(&0) || beginning.iter().filter(no_text).count() * 10 >= beginning.len()
}

/// The lines of an input, in a buffer that is never longer than the longest one.
struct Lines {
    buffer: Vec<u8>,
    /// What is there and not yet taken.
    start: usize,
    end: usize,
    packed: bool,
    /// What has ended the input before its end.
    failed: Option<io::Error>,
    /// Whether the rest of a line that is too long is being left out.
    skipping: bool,
    ended: bool,
}

impl Lines {
    fn new(packed: bool) -> Self {
        let buffer = vec![0; BUFFER];
        Self { buffer, start: 0, end: 0, packed, failed: None, skipping: false, ended: false }
    }

    fn filled(&self) -> usize {
        self.end - self.start
    }

    /// Reads on; says whether there was more.
    fn fill(&mut self, input: &mut dyn Read) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.filled());
        }
        loop {
            match input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.packed => {
                    self.ended = true;
                    self.failed = Some(error);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The whole lines that were filled in before the first was taken.
    fn beginning(&mut self) -> &[u8] {
        // What editors of Windows put there.
        if self.buffer[self.start..self.end].starts_with(b"\xef\xbb\xbf") {
            self.start += 3;
        }
        let filled = &self.buffer[self.start..self.end];
        match memrchr(b'\n', filled) {
            Some(last) if !self.ended => &filled[..last],
            _ => filled,
        }
    }

    /// Takes every whole line.
    fn each(&mut self, take: &mut impl FnMut(&[u8])) {
        while let Some(length) = memchr(b'\n', &self.buffer[self.start..self.end]) {
            if !std::mem::take(&mut self.skipping) {
                take(&self.buffer[self.start..self.start + length]);
            }
            self.start += length + 1;
        }
        if self.filled() >= LONGEST_LINE {
            if !self.skipping {
                take(&self.buffer[self.start..self.start + 200]);
            }
            self.skipping = true;
            self.start = self.end;
        }
    }

    /// Takes what is left, a line without an end; says whether there was one.
    fn last(&mut self, take: &mut impl FnMut(&[u8])) -> bool {
        let left = !self.skipping && self.filled() > 0;
        if left {
            take(&self.buffer[self.start..self.end]);
        }
        left
    }
}
