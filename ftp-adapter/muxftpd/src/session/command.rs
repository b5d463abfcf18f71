//! The commands that there are, and reading one from a line.
//!
//! To add a command: give it a [`Verb`], a row in [`COMMANDS`], and an arm in
//! [`Session::command`](super::Session). `FEAT` and `HELP` are made from the rows.

/// What a command does. Keywords that mean the same share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Abor,
    Acct,
    ActiveMode,
    Allo,
    Appe,
    Auth,
    Ccc,
    Cdup,
    Clnt,
    Cwd,
    Dele,
    Epsv,
    Feat,
    Help,
    List,
    Mdtm,
    Mfmt,
    Mkd,
    Mlsd,
    Mlst,
    Mode,
    Nlst,
    Noop,
    Opts,
    Pass,
    Pasv,
    Pbsz,
    Prot,
    Pwd,
    Quit,
    Rein,
    Rest,
    Retr,
    Rmd,
    Rnfr,
    Rnto,
    Site,
    Size,
    Smnt,
    Stat,
    Stor,
    Stou,
    Stru,
    Syst,
    Type,
    User,
}

/// What may stand behind the keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Nothing: RFC 959 has 501 for anything else.
    None,
    /// Nothing of use, and no reply is there to refuse it with.
    Ignored,
    /// Perhaps a word.
    Word,
    /// A word, or several.
    NeedsWord,
    /// Perhaps a path, to the letter: it may begin and end with spaces.
    Path,
    /// A path.
    NeedsPath,
}

/// Who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// Those who have logged in.
    Users,
}

/// Whether `FEAT` tells of it (RFC 2389, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    No,
    /// With this line.
    Line(&'static str),
    /// With this line, where there is TLS.
    Tls(&'static str),
    /// With the line of the facts (RFC 3659, section 7.8).
    Facts,
}

/// A keyword, and what is to be known of it.
#[derive(Debug)]
pub struct Command {
    pub keyword: &'static str,
    pub verb: Verb,
    pub argument: Argument,
    pub access: Access,
    pub feature: Feature,
    /// What stands behind the keyword, for `HELP`.
    pub syntax: &'static str,
}

/// A command and what stood behind its keyword.
#[derive(Debug)]
pub struct Request<'a> {
    pub command: &'static Command,
    pub argument: &'a [u8],
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The RFCs know it, and this server does not serve it.
    NotImplemented,
    /// Nobody knows it.
    NotKnown,
}

const fn row(
    keyword: &'static str,
    verb: Verb,
    argument: Argument,
    access: Access,
    syntax: &'static str,
) -> Command {
    Command { keyword, verb, argument, access, feature: Feature::No, syntax }
}

impl Command {
    const fn feature(self, feature: Feature) -> Self {
        Self { feature, ..self }
    }
}

use Access::{Everybody, Users};
use Argument::{Ignored, NeedsPath, NeedsWord, Path, Word};
use Feature::{Facts, Line, Tls};

/// All commands, in the order in which `HELP` and `FEAT` tell them.
pub const COMMANDS: &[Command] = &[
    row("ABOR", Verb::Abor, Argument::None, Everybody, ""),
    row("ACCT", Verb::Acct, NeedsWord, Everybody, "<account>"),
    row("ALLO", Verb::Allo, NeedsWord, Users, "<bytes> [R <bytes>]"),
    row("APPE", Verb::Appe, NeedsPath, Users, "<path>"),
    row("AUTH", Verb::Auth, NeedsWord, Everybody, "TLS").feature(Tls("AUTH TLS")),
    row("CCC", Verb::Ccc, Argument::None, Everybody, ""),
    row("CDUP", Verb::Cdup, Argument::None, Users, ""),
    row("CLNT", Verb::Clnt, Word, Everybody, "<name>").feature(Line("CLNT")),
    row("CWD", Verb::Cwd, NeedsPath, Users, "<path>"),
    row("DELE", Verb::Dele, NeedsPath, Users, "<path>"),
    row("EPRT", Verb::ActiveMode, Word, Users, "(not served)"),
    row("EPSV", Verb::Epsv, Word, Users, "[1|2|ALL]").feature(Line("EPSV")),
    row("FEAT", Verb::Feat, Argument::None, Everybody, ""),
    row("HELP", Verb::Help, Word, Everybody, "[<command>]"),
    row("LIST", Verb::List, Path, Users, "[<path>]"),
    row("MDTM", Verb::Mdtm, NeedsPath, Users, "<path>").feature(Line("MDTM")),
    row("MFMT", Verb::Mfmt, NeedsPath, Users, "<YYYYMMDDHHMMSS> <path>").feature(Line("MFMT")),
    row("MKD", Verb::Mkd, NeedsPath, Users, "<path>"),
    row("MLSD", Verb::Mlsd, Path, Users, "[<path>]"),
    row("MLST", Verb::Mlst, Path, Users, "[<path>]").feature(Facts),
    row("MODE", Verb::Mode, NeedsWord, Users, "S"),
    row("NLST", Verb::Nlst, Path, Users, "[<path>]"),
    row("NOOP", Verb::Noop, Ignored, Everybody, ""),
    row("OPTS", Verb::Opts, NeedsWord, Everybody, "UTF8 ON | MLST [<fact>;...]"),
    row("PASS", Verb::Pass, Path, Everybody, "<password>"),
    row("PASV", Verb::Pasv, Argument::None, Users, ""),
    row("PBSZ", Verb::Pbsz, NeedsWord, Everybody, "0").feature(Tls("PBSZ")),
    row("PORT", Verb::ActiveMode, Word, Users, "(not served)"),
    row("PROT", Verb::Prot, NeedsWord, Everybody, "P|C").feature(Tls("PROT")),
    row("PWD", Verb::Pwd, Argument::None, Users, ""),
    row("QUIT", Verb::Quit, Ignored, Everybody, ""),
    row("REIN", Verb::Rein, Ignored, Everybody, ""),
    row("REST", Verb::Rest, NeedsWord, Users, "<bytes>").feature(Line("REST STREAM")),
    row("RETR", Verb::Retr, NeedsPath, Users, "<path>"),
    row("RMD", Verb::Rmd, NeedsPath, Users, "<path>"),
    row("RNFR", Verb::Rnfr, NeedsPath, Users, "<path>"),
    row("RNTO", Verb::Rnto, NeedsPath, Users, "<path>"),
    row("SITE", Verb::Site, NeedsPath, Users, "HELP | CHMOD <mode> <path>"),
    row("SIZE", Verb::Size, NeedsPath, Users, "<path>").feature(Line("SIZE")),
    row("SMNT", Verb::Smnt, NeedsPath, Users, "(not needed)"),
    row("STAT", Verb::Stat, Path, Users, "[<path>]"),
    row("STOR", Verb::Stor, NeedsPath, Users, "<path>"),
    row("STOU", Verb::Stou, Path, Users, "[<path>]"),
    row("STRU", Verb::Stru, NeedsWord, Users, "F"),
    row("SYST", Verb::Syst, Argument::None, Everybody, ""),
    row("TYPE", Verb::Type, NeedsWord, Users, "A|I|L 8"),
    row("USER", Verb::User, NeedsPath, Everybody, "<name>"),
    row("XCUP", Verb::Cdup, Argument::None, Users, ""),
    row("XCWD", Verb::Cwd, NeedsPath, Users, "<path>"),
    row("XMKD", Verb::Mkd, NeedsPath, Users, "<path>"),
    row("XPWD", Verb::Pwd, Argument::None, Users, ""),
    row("XRMD", Verb::Rmd, NeedsPath, Users, "<path>"),
];

/// What else the RFCs know.
const NOT_IMPLEMENTED: &[&str] =
    &["ADAT", "CONF", "ENC", "HOST", "LANG", "LPRT", "LPSV", "MFCT", "MFF", "MIC"];

/// Lines of `FEAT` that belong to no command: what paths look like (RFC 3659, section 6), and that
/// names are UTF-8 (RFC 2640) where they are text.
pub const OTHER_FEATURES: [&str; 2] = ["TVFS", "UTF8"];

/// Reads a line, as [`Control`](super::control::Control) gives it.
///
/// # Errors
///
/// When it is none of [`COMMANDS`].
pub fn parse(line: &[u8]) -> Result<Request<'_>, Unknown> {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let argument = rest.get(1..).unwrap_or_default();
    match find(keyword) {
        Some(command) => {
            let is_path = matches!(command.argument, Path | NeedsPath);
            Ok(Request {
                command,
                argument: if is_path { argument } else { argument.trim_ascii() },
            })
        }
        None if NOT_IMPLEMENTED.iter().any(|known| is(keyword, known)) => {
            Err(Unknown::NotImplemented)
        }
        None => Err(Unknown::NotKnown),
    }
}

/// The command of this keyword, in any case.
pub fn find(keyword: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| is(keyword, command.keyword))
}

fn is(keyword: &[u8], known: &str) -> bool {
    keyword.eq_ignore_ascii_case(known.as_bytes())
}

impl Request<'_> {
    /// Whether what stands behind the keyword can be meant.
    pub fn has_right_argument(&self) -> bool {
        // No name and no word has a NUL in it.
        if self.argument.contains(&0) {
            return false;
        }
        match self.command.argument {
            Argument::None => self.argument.is_empty(),
            NeedsWord | NeedsPath => !self.argument.trim_ascii().is_empty(),
            Ignored | Word | Path => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_in_any_case_and_arguments_to_the_letter() {
        for (line, verb, argument) in [
            (&b"NOOP"[..], Verb::Noop, &b""[..]),
            (b"noop ", Verb::Noop, b""),
            (b"rEtR  a b ", Verb::Retr, b" a b "),
            (b"STOR M\xfcller.csv", Verb::Stor, b"M\xfcller.csv"),
            (b"TYPE  a n ", Verb::Type, b"a n"),
            (b"xcwd /", Verb::Cwd, b"/"),
        ] {
            let request = parse(line).unwrap();
            assert_eq!((request.command.verb, request.argument), (verb, argument));
        }
    }

    #[test]
    fn what_is_no_command_is_told_apart_from_what_is_not_served() {
        for line in [&b""[..], b" ", b" NOOP", b"XYZZY", b"PASVE", b"NOOP\0", b"EPSV\t1", b"227 "] {
            assert_eq!(parse(line).unwrap_err(), Unknown::NotKnown, "{line:?}");
        }
        assert_eq!(parse(b"lpsv").unwrap_err(), Unknown::NotImplemented);
    }

    #[test]
    fn arguments_that_cannot_be_meant_are_seen() {
        for (line, right) in [
            ("RETR", false),
            ("RETR  ", false),
            ("RETR a\0b", false),
            ("PWD x", false),
            ("PWD ", true),
            ("NOOP x", true),
            ("LIST", true),
            ("LIST x", true),
            ("TYPE", false),
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap().has_right_argument(), right, "{line}");
        }
    }

    #[test]
    fn each_keyword_has_one_row_and_the_rows_are_in_order() {
        assert!(COMMANDS.windows(2).all(|two| two[0].keyword < two[1].keyword));
        assert!(COMMANDS.iter().all(|command| command.keyword.len() <= 4));
    }
}
