//! Replies on the control connection (RFC 959, section 4.2).

use crate::storage::FtpPath;
use std::io;

/// The escape of the Telnet protocol, which stands doubled where it is meant as a byte.
const IAC: u8 = 0xff;

/// A reply of one line or of several, as it goes over the control connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    bytes: Vec<u8>,
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: u16, text: impl AsRef<[u8]>) -> Self {
        let mut bytes = Vec::with_capacity(64);
        push_line(&mut bytes, format!("{code} ").as_bytes(), text.as_ref());
        Self { code, bytes }
    }

    /// A reply of several lines. Those between the first and the last begin with a space, as RFC
    /// 2389 and RFC 3659 ask for, so that none of them can be taken for the last.
    pub fn of_lines<L: AsRef<[u8]>>(
        code: u16,
        first: impl AsRef<[u8]>,
        lines: impl IntoIterator<Item = L>,
        last: impl AsRef<[u8]>,
    ) -> Self {
        let mut bytes = Vec::with_capacity(512);
        push_line(&mut bytes, format!("{code}-").as_bytes(), first.as_ref());
        for line in lines {
            push_line(&mut bytes, b" ", line.as_ref());
        }
        push_line(&mut bytes, format!("{code} ").as_bytes(), last.as_ref());
        Self { code, bytes }
    }

    /// The first line of a reply whose other lines follow by themselves.
    pub fn first_line(code: u16, text: impl AsRef<[u8]>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        push_line(&mut bytes, format!("{code}-").as_bytes(), text.as_ref());
        bytes
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// All of it, with the line ends.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a storage could not do, with the code that the command has for that.
    pub fn refused(code: u16, error: &io::Error) -> Self {
        Self::new(code, reason(error))
    }
}

impl From<&ftp_adapter::Reply> for Reply {
    fn from(reply: &ftp_adapter::Reply) -> Self {
        Self { code: reply.code(), bytes: reply.line().into_bytes() }
    }
}

/// Why a storage could not do something, as clients are told.
fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory.",
        io::ErrorKind::PermissionDenied => "Permission denied.",
        io::ErrorKind::AlreadyExists => "It exists already.",
        io::ErrorKind::IsADirectory => "It is a directory.",
        io::ErrorKind::NotADirectory => "It is not a directory.",
        io::ErrorKind::DirectoryNotEmpty => "The directory is not empty.",
        io::ErrorKind::StorageFull => "There is no space left.",
        io::ErrorKind::QuotaExceeded => "The quota is used up.",
        io::ErrorKind::FileTooLarge => "The file is too large.",
        io::ErrorKind::ReadOnlyFilesystem => "The file system is read-only.",
        io::ErrorKind::InvalidFilename => "The name is too long.",
        io::ErrorKind::InvalidInput => "Not a regular file, or not a possible name.",
        io::ErrorKind::CrossesDevices => "It cannot be moved to another file system.",
        io::ErrorKind::OutOfMemory => "The server is short of memory, try again.",
        _ if is_shortage(error) => "The server is short of descriptors, try again.",
        _ => "It cannot be done.",
    }
}

/// Whether the process, or the system, has no descriptor left.
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(nix::errno::Errno::from_raw),
        Some(nix::errno::Errno::EMFILE | nix::errno::Errno::ENFILE)
    )
}

/// A path as 257 names it: in quotes, those in it doubled (RFC 959, appendix II).
pub fn quoted(path: &FtpPath) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in path.as_bytes() {
        text.push(byte);
        if byte == b'"' {
            text.push(byte);
        }
    }
    text.push(b'"');
    text
}

fn push_line(into: &mut Vec<u8>, start: &[u8], text: &[u8]) {
    into.extend_from_slice(start);
    for &byte in text {
        match byte {
            // A name with a line end in it would be more than one line.
            b'\r' | b'\n' | 0 => into.push(b'?'),
            IAC => into.extend_from_slice(&[IAC, IAC]),
            byte => into.push(byte),
        }
    }
    into.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_and_several() {
        assert_eq!(Reply::new(200, "OK").as_bytes(), b"200 OK\r\n");
        let reply = Reply::of_lines(211, "Features:", ["UTF8", "211 x"], "End");
        assert_eq!(reply.as_bytes(), b"211-Features:\r\n UTF8\r\n 211 x\r\n211 End\r\n");
    }

    #[test]
    fn a_name_stays_in_its_line() {
        let path = FtpPath::root().join(b"a\"b\r\n\xffM\xfc");
        let reply = Reply::new(257, quoted(&path));
        assert_eq!(reply.as_bytes(), b"257 \"/a\"\"b??\xff\xffM\xfc\"\r\n");
    }
}
