//! Logs of FTP servers, read as recordings of when who asked for a port.
//!
//! A log is one or more files ([`input`]), each a sequence of lines. What the lines are is found
//! out from the first ones ([`sniff`]): what collectors have put around them is taken off
//! ([`wrap`]), and what is left is read by one of the [`formats`]. What the lines say is put
//! together in [`notes`]: which requests there were, and how long each took from the reply to the
//! connection. [`doubts`] looks for reasons not to believe it.

mod client;
mod columns;
mod doubts;
mod error;
mod formats;
mod input;
mod merge;
mod notes;
mod read;
mod shown;
mod sniff;
mod time;
mod words;
mod wrap;

use clap::ValueEnum;

pub(crate) use doubts::Doubt;
pub(crate) use error::LogError;
pub(crate) use merge::{Log, open};
pub(crate) use notes::Tells;
pub(crate) use time::DateOrder;

use time::Moment;

/// The formats that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Format {
    /// The transfer log of vsftpd, ProFTPD and wu-ftpd
    Xferlog,
    /// vsftpd's own log, perhaps with the commands
    Vsftpd,
    /// muxftpd's log, as text or in JSON
    Muxftpd,
    /// FileZilla Server's log
    Filezilla,
    /// W3C extended: IIS, Pure-FTPd
    W3c,
    /// The common log format: ProFTPD's ExtendedLog, Pure-FTPd
    Clf,
    /// ProFTPD's SystemLog, with the commands (DebugLevel 5 or more)
    Proftpd,
    /// Pure-FTPd's messages and its stats
    PureFtpd,
    /// pyftpdlib's log
    Pyftpdlib,
    /// SFTPGo's log in JSON
    Sftpgo,
    /// AWS Transfer's structured log in JSON
    AwsTransfer,
    /// One JSON object a line with a time and a client's address
    Json,
    /// A table: CSV, TSV and the like
    Csv,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Xferlog => "xferlog",
            Self::Vsftpd => "vsftpd.log",
            Self::Muxftpd => "muxftpd",
            Self::Filezilla => "FileZilla Server",
            Self::W3c => "W3C extended",
            Self::Clf => "common log format",
            Self::Proftpd => "ProFTPD SystemLog",
            Self::PureFtpd => "Pure-FTPd",
            Self::Pyftpdlib => "pyftpdlib",
            Self::Sftpgo => "SFTPGo",
            Self::AwsTransfer => "AWS Transfer",
            Self::Json => "JSON",
            Self::Csv => "CSV",
        }
    }
}

/// What is asked about a log, besides its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// Its format, if it is not to be found out.
    pub(crate) format: Option<Format>,
    /// In what order dates of three numbers stand, if the log does not tell.
    pub(crate) dates: Option<DateOrder>,
    /// Whether a host's name will do for a client.
    pub(crate) names: bool,
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said<'a> {
    Event(Event<'a>),
    /// Something else that such a log holds.
    Other,
    /// Nothing that such a log holds.
    Unreadable,
}

/// What happened, when, and to whom.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event<'a> {
    at: Moment,
    /// `None` if the session has said it before.
    client: Option<&'a [u8]>,
    /// What tells one control connection from the others, if the log does.
    session: Option<u64>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    /// A client asked for a port: `PASV` or `EPSV`.
    Asked,
    /// The same, and what the reply was.
    AskedAndReplied(u16),
    /// A reply to the session's last command.
    Replied(u16),
    /// A command that needs a data connection.
    Fetch,
    /// The data connection is there.
    Opened,
    /// A transfer ended, having taken so many nanoseconds.
    Transferred { took: Option<i64> },
    /// The session is over.
    Over,
    /// The line only tells whose the session is, if that.
    Nothing,
    /// So many transfers are missing in the log.
    LeftOut(u64),
    /// A transfer that took no passive port: of another protocol, or of the active kind.
    Portless,
}

/// What collectors have told about a line.
#[derive(Clone, Copy, Debug, Default)]
struct Outer {
    at: Option<Moment>,
    session: Option<u64>,
}

/// A number for what names a session.
fn session(parts: &[&[u8]]) -> u64 {
    use std::hash::{BuildHasher, Hash, Hasher};
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    for part in parts {
        part.hash(&mut hasher);
    }
    hasher.finish()
}
