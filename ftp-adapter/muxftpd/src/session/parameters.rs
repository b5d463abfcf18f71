//! How data is to be moved: `TYPE`, `STRU`, `MODE`, `REST`, `ALLO`, and what else one command says
//! for a later one.

use crate::session::Session;
use crate::session::reply::Reply;
use crate::storage::{Facts, FtpPath};

/// What was said for later commands.
#[derive(Debug)]
pub(super) struct Parameters {
    /// Whether `TYPE A` is in force, as it is until the client says otherwise (RFC 959, section
    /// 5.1).
    pub(super) ascii: bool,
    /// Where the next transfer starts.
    pub(super) restart: u64,
    /// What `RNFR` has named.
    pub(super) rename_from: Option<FtpPath>,
    /// What `MLST` and `MLSD` tell.
    pub(super) facts: Facts,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { ascii: true, restart: 0, rename_from: None, facts: Facts::ALL }
    }
}

impl Session {
    /// Whether line ends are converted.
    pub(super) fn converts(&self) -> bool {
        self.parameters.ascii && self.shared.settings.ascii
    }

    pub(super) fn set_type(&mut self, argument: &[u8]) -> Reply {
        let argument = argument.to_ascii_uppercase();
        let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next()) {
            (Some(b"A"), None | Some(b"N"), None) => {
                self.parameters.ascii = true;
                Reply::new(200, "Type is ASCII.")
            }
            // Without the space it is no command of RFC 959, but one that clients know from vsftpd.
            (Some(b"I" | b"L8"), None, None) | (Some(b"L"), Some(b"8"), None) => {
                self.parameters.ascii = false;
                Reply::new(200, "Type is binary.")
            }
            (Some(b"A" | b"E"), Some(b"T" | b"C" | b"N"), None) | (Some(b"E"), None, None) => {
                Reply::new(504, "Use TYPE A or TYPE I.")
            }
            (Some(b"L"), Some(bits), None) if bits.iter().all(u8::is_ascii_digit) => {
                Reply::new(504, "Use TYPE L 8.")
            }
            _ => Reply::new(501, "Use TYPE A, TYPE I or TYPE L 8."),
        }
    }

    /// `STRU`. Records are for file systems that have them (RFC 1123, section 4.1.2.13).
    pub(super) fn set_structure(&mut self, argument: &[u8]) -> Reply {
        match argument {
            b"F" | b"f" => Reply::new(200, "Structure is file."),
            b"R" | b"r" | b"P" | b"p" => Reply::new(504, "Use STRU F."),
            _ => Reply::new(501, "Use STRU F."),
        }
    }

    pub(super) fn set_mode(&mut self, argument: &[u8]) -> Reply {
        match argument {
            b"S" | b"s" => Reply::new(200, "Mode is stream."),
            b"B" | b"b" | b"C" | b"c" => Reply::new(504, "Use MODE S."),
            _ => Reply::new(501, "Use MODE S."),
        }
    }

    /// `REST`, which counts bytes as they are in the file (RFC 3659, section 5).
    pub(super) fn restart_at(&mut self, argument: &[u8]) -> Reply {
        self.parameters.restart = 0;
        match number(argument) {
            None => Reply::new(501, "REST takes a number of bytes."),
            Some(start) if start > 0 && self.converts() => {
                Reply::new(501, "Use TYPE I to start in the middle of a file.")
            }
            Some(start) => {
                self.parameters.restart = start;
                Reply::new(350, format!("The next transfer starts at {start}."))
            }
        }
    }

    /// `ALLO`, which no file system here needs.
    pub(super) fn allocate(&mut self, argument: &[u8]) -> Reply {
        let mut words = argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let is_number = |word: &[u8]| number(word).is_some();
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(size), None, None, None) if is_number(size) => {}
            (Some(size), Some(b"R" | b"r"), Some(record), None)
                if is_number(size) && is_number(record) => {}
            _ => return Reply::new(501, "ALLO takes a number of bytes."),
        }
        Reply::new(202, "No room needs to be reserved.")
    }
}

/// A number of decimal digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
}
