//! Why a log has no answer, and what to do about it.

use std::io;

use super::Format;
use super::columns::known_names;

/// Why a log tells nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("cannot read {name}: {error}")]
    Io { name: String, error: io::Error },
    #[error("{name} is empty")]
    Blank { name: String },
    #[error("{name} is packed in a way that is not read here: {command} | portsize --log -")]
    Packed { name: String, command: String },
    #[error("{name} is damaged from its beginning: nothing could be unpacked ({error})")]
    Damaged { name: String, error: io::Error },
    #[error("{name} is not text, so it is no log: give one as text, or packed with gzip or zstd")]
    NotText { name: String },
    #[error(
        "cannot tell what format {name} has; its first line is \"{first}\". Known are xferlog, \
         vsftpd, muxftpd, FileZilla, IIS and Pure-FTPd (W3C), ProFTPD (ExtendedLog, SystemLog), \
         Pure-FTPd, pyftpdlib, SFTPGo, AWS Transfer, JSON and CSV. Make a CSV of it, such as: \
         {recipe} | portsize --log -"
    )]
    UnknownFormat { name: String, first: String, recipe: String },
    #[error(
        "{name} is a table, but its header is not understood: {header}. Rename two columns: {known}",
        known = known_names()
    )]
    Header { name: String, header: String },
    #[error(
        "{name} is a table, but its column {column} holds \"{example}\", which is not understood"
    )]
    Values { name: String, column: String, example: String },
    #[error(
        "{name} is a table, but {why}. Put a line before it that names the columns, such as \
         time,client,size"
    )]
    Columns { name: String, why: String },
    #[error(
        "{name} is hardly a log of the format {format}: {unreadable} of {lines} lines cannot be \
         read, the first is line {number}: \"{example}\"{also}",
        format = format.name()
    )]
    MostlyUnreadable {
        name: String,
        format: Format,
        unreadable: u64,
        lines: u64,
        number: u64,
        example: String,
        also: String,
    },
    #[error("{name} tells of no request and no transfer ({lines} lines, format {format}){hint}",
        format = format.name())]
    Empty { name: String, format: Format, lines: u64, hint: String },
    #[error(
        "{count} of the {all} clients are names, not addresses, such as {example:?}: a port is \
         taken for an address. Log addresses, or if each name stands for one address, say \
         --client-names"
    )]
    Names { count: usize, all: usize, example: String },
    #[error(
        "{count} clients look like addresses of IPv6 with a port behind, such as {example}: write \
         them with brackets, [2001:db8::1]:40123, or without the port"
    )]
    Ports { count: usize, example: String },
    #[error(
        "{name} does not tell in what order its dates stand, such as {example}: say --dates dmy \
         or --dates mdy"
    )]
    AmbiguousDates { name: String, example: String },
    #[error(
        "{name} has dates in no one order, such as {one} and {other}: correct them, or give its \
         parts one by one"
    )]
    ContradictoryDates { name: String, one: String, other: String },
    #[error(
        "there is only one request in the log: that says nothing about how many come at a time. \
         Give a log of your busiest hours"
    )]
    OnlyOne,
    #[error("standard input can be read only once: give - one time")]
    TwiceStandardInput,
}
