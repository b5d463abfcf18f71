//! The formats of lines, one file for each family of servers.

mod clf;
mod filezilla;
mod json;
mod muxftpd;
mod proftpd;
mod pure_ftpd;
mod pyftpdlib;
pub(super) mod table;
mod text;
mod vsftpd;
mod w3c;
mod xferlog;

use super::time::Times;
use super::{Format, Outer, Said};
use table::{Table, TableTrouble};

/// Reads lines of one format.
#[derive(Debug)]
pub(super) enum Parser {
    /// Each line for itself.
    Plain(for<'a> fn(&'a [u8], Outer, &mut Times) -> Said<'a>),
    W3c(w3c::W3c),
    Json(json::Named),
    Csv(Box<Table>),
}

impl Parser {
    /// One for a log that begins with `lines`.
    pub(super) fn new(format: Format, lines: &[&[u8]]) -> Result<Self, TableTrouble> {
        Ok(match format {
            Format::Xferlog => Self::Plain(xferlog::line),
            Format::Vsftpd => Self::Plain(vsftpd::line),
            Format::Muxftpd => Self::Plain(muxftpd::line),
            Format::Filezilla => Self::Plain(filezilla::line),
            Format::W3c => Self::W3c(w3c::W3c::default()),
            Format::Clf => Self::Plain(clf::line),
            Format::Proftpd => Self::Plain(proftpd::line),
            Format::PureFtpd => Self::Plain(pure_ftpd::line),
            Format::Pyftpdlib => Self::Plain(pyftpdlib::line),
            Format::Sftpgo => Self::Plain(json::sftpgo),
            Format::AwsTransfer => Self::Plain(json::aws_transfer),
            Format::Json => Self::Json(json::Named::default()),
            Format::Csv => Self::Csv(Box::new(Table::of(lines)?)),
        })
    }

    pub(super) fn line<'a>(
        &'a mut self,
        line: &'a [u8],
        outer: Outer,
        times: &mut Times,
    ) -> Said<'a> {
        match self {
            Self::Plain(parse) => parse(line, outer, times),
            Self::W3c(w3c) => w3c.line(line, outer, times),
            Self::Json(named) => named.line(line, outer, times),
            Self::Csv(table) => table.line(line, times),
        }
    }
}
