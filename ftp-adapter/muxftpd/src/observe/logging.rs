//! Logs on standard error.
//!
//! Sessions hand their lines to a thread that writes them. While nobody reads standard error, that
//! thread waits, and the sessions do not: lines for which there is no room are dropped and
//! counted.

use crate::config::nearest::nearest;
use crate::observe::output;
use clap::ValueEnum;
use std::env;
use std::io;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tracing::warn;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that wait to be written.
const MAX_WAITING_LINES: usize = 4096;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// The log, once it is started.
#[derive(Debug)]
#[must_use = "the last lines are lost without `finish`"]
pub struct Log {
    writer: WorkerGuard,
    dropped: DroppedLines,
}

/// The lines that the log had to drop.
#[derive(Debug, Clone)]
pub struct DroppedLines {
    counted: ErrorCounter,
    told: Arc<AtomicUsize>,
}

/// Starts logging as `--log-level` says, or else `RUST_LOG`, or else from `info` up.
///
/// # Errors
///
/// If that is not a filter.
pub fn start(level: Option<&str>, format: Format) -> Result<Log, String> {
    let from_environment = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let filter = match (level, from_environment) {
        (Some(level), _) => filter(level)?,
        (None, Some(directives)) => filter(&directives).map_err(|why| {
            format!("RUST_LOG in the environment cannot be {directives:?}: {why}")
        })?,
        (None, None) => filter("info")?,
    };
    let (lines, writer) = waiting_lines(io::stderr(), MAX_WAITING_LINES);
    let dropped = DroppedLines::of(&lines);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    match format {
        Format::Text => subscriber.with_ansi(io::stderr().is_terminal()).init(),
        Format::Json => subscriber.json().with_current_span(false).with_span_list(false).init(),
    }
    Ok(Log { writer, dropped })
}

fn waiting_lines(to: impl io::Write + Send + 'static, most: usize) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(most)
        .thread_name("log")
        .finish(to)
}

impl Log {
    /// The lines that it had to drop.
    pub fn dropped(&self) -> DroppedLines {
        self.dropped.clone()
    }

    /// Writes the last lines, if somebody reads them.
    pub fn finish(self) {
        self.dropped.tell();
        // The end of the writer waits for a second, or prints to standard output, which may be as
        // full.
        output::in_bounded_time(move || drop(self.writer));
    }
}

impl DroppedLines {
    fn of(lines: &NonBlocking) -> Self {
        Self { counted: lines.error_counter(), told: Arc::default() }
    }

    /// How many there were since the start.
    pub fn count(&self) -> u64 {
        self.counted.dropped_lines() as u64
    }

    /// Says how many there were, if there are more than were told of. Where that is dropped too,
    /// the next call says it.
    pub fn tell(&self) {
        let total = self.counted.dropped_lines();
        if total > self.told.swap(total, Relaxed) {
            warn!(target: "muxftpd", total, "log lines lost, standard error was not read in time");
        }
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

fn filter(directives: &str) -> Result<EnvFilter, String> {
    // A level with a slip in it would be taken for the name of a program's part.
    for word in directives.split(',').map(str::trim) {
        let is_level = LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
        if let (false, Some(level)) = (is_level, nearest(word, LEVELS.into_iter())) {
            return Err(format!("{word:?} is no level; is it {level:?}?"));
        }
    }
    EnvFilter::builder().parse(format!("info,{directives}")).map_err(|_| {
        "it is not a log filter: write a level (off, error, warn, info, debug, trace), or one such \
         as info,mux_core=debug"
            .to_owned()
    })
}

/// Whether `directives` say what to log.
///
/// # Errors
///
/// If not, with what to write.
pub fn check(directives: &str) -> Result<(), String> {
    filter(directives).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_wrong_filter_is_an_error() {
        for (wrong, said) in [
            ("mux_core=loud", "it is not a log filter"),
            ("debgu", "\"debgu\" is no level; is it \"debug\"?"),
            ("info,warning", "\"warning\" is no level; is it \"warn\"?"),
        ] {
            assert!(filter(wrong).unwrap_err().contains(said), "{wrong}");
        }
        for right in ["debug", "DEBUG", "off", "info,mux_core=debug", "mux_core", "muxftpd=warn"] {
            filter(right).unwrap();
        }
    }

    /// However many lines nobody reads, each is handed over at once; those that there was room
    /// for come when they are read, and the others are counted.
    #[test]
    fn a_reader_that_does_not_read_stops_nobody_and_what_is_lost_is_counted() {
        const LINES: usize = 5000;
        let (reader, stderr) = UnixStream::pair().unwrap();
        let (mut lines, writer) = waiting_lines(stderr, 10);
        let dropped = DroppedLines::of(&lines);
        let line = [b'x'; 1000];
        for _ in 0..LINES {
            lines.write_all(&line).unwrap();
        }
        let lost = dropped.count() as usize;
        assert!(lost > 0);
        let read = std::thread::spawn(move || {
            let mut text = Vec::new();
            { reader }.read_to_end(&mut text).unwrap();
            text.len()
        });
        // Room comes back as it is read.
        let told = b"some were lost";
        while {
            let before = dropped.count();
            lines.write_all(told).unwrap();
            dropped.count() > before
        } {
            std::thread::yield_now();
        }
        drop((lines, writer));
        assert_eq!(read.join().unwrap(), (LINES - lost) * line.len() + told.len());
    }
}
