//! Logs of FTP servers, read as recordings of when who asked for a port.

mod csv;
mod muxftpd;
mod read;
mod time;
mod vsftpd;
mod xferlog;

use clap::ValueEnum;

pub(crate) use read::{Log, open};

/// The formats that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The transfer log of vsftpd, ProFTPD and wu-ftpd
    Xferlog,
    /// vsftpd's own log
    Vsftpd,
    /// muxftpd's log in JSON
    Muxftpd,
    /// Comma-separated: time, client address
    Csv,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Xferlog => "xferlog",
            Self::Vsftpd => "vsftpd.log",
            Self::Muxftpd => "muxftpd JSON",
            Self::Csv => "CSV",
        }
    }
}

/// What a line says.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    /// A port was asked for, at that moment.
    Request(Entry<'a>),
    /// A data connection was used: a port was asked for when the transfer began.
    Transfer(Entry<'a>),
    /// Something else that such a log holds.
    Other,
    /// Nothing that such a log holds.
    Malformed,
}

/// Who asked, and when.
#[derive(Debug, PartialEq)]
struct Entry<'a> {
    /// Nanoseconds since 1970.
    at: i64,
    client: &'a str,
    /// Whether the time is a whole second, within which it may have been any moment.
    whole_second: bool,
}
