//! The paths of clients: bytes, absolute, and never above the root.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A client's path, resolved as text: `.`, `..`, doubled and trailing slashes are gone.
///
/// `..` leads to the parent in the text, also behind a link, as clients expect of a server that
/// shows its links as directories. At the root it leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FtpPath(Vec<u8>);

impl FtpPath {
    /// The served directory itself, `/`.
    pub fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// What `argument` means in this directory. The empty one means the directory.
    #[must_use]
    pub fn join(&self, argument: &[u8]) -> Self {
        let mut path = if argument.starts_with(b"/") { Self::root() } else { self.clone() };
        for part in argument.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => path.pop(),
                name => path.push(name),
            }
        }
        path
    }

    /// The entry `name` of this directory; `name` must be one component.
    #[must_use]
    pub(crate) fn child(&self, name: &[u8]) -> Self {
        let mut path = self.clone();
        path.push(name);
        path
    }

    /// The directory it is in; the root is in itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        let mut path = self.clone();
        path.pop();
        path
    }

    /// The last component, none for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.0.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty())
    }

    /// The path as the client knows it, from `/` on.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the served directory itself.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The path as one that begins in the served directory.
    pub(crate) fn relative(&self) -> &Path {
        let below = if self.is_root() { b"." } else { &self.0[1..] };
        Path::new(OsStr::from_bytes(below))
    }

    /// Whether no line of a listing or reply can show it: it has a line end or a NUL.
    pub(crate) fn breaks_lines(&self) -> bool {
        breaks_lines(&self.0)
    }

    fn push(&mut self, name: &[u8]) {
        if !self.is_root() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }

    fn pop(&mut self) {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        self.0.truncate(end.max(1));
    }
}

/// Whether a name would break the line that it stands in.
pub(crate) fn breaks_lines(name: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, name).is_some()
}

/// For logs: what is no UTF-8 is replaced.
impl fmt::Display for FtpPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arguments_are_resolved_as_clients_expect() {
        let working = FtpPath::root().join(b"in/done");
        for (argument, path) in [
            ("", "/in/done"),
            (".", "/in/done"),
            ("..", "/in"),
            ("../..", "/"),
            ("../../..", "/"),
            ("/..", "/"),
            ("/", "/"),
            ("//", "/"),
            ("a//b/", "/in/done/a/b"),
            ("./a/./b/../c", "/in/done/a/c"),
            ("/a/../../b", "/b"),
            ("...", "/in/done/..."),
            (" a ", "/in/done/ a "),
        ] {
            let joined = working.join(argument.as_bytes());
            assert_eq!(joined.as_bytes(), path.as_bytes(), "{argument:?}");
        }
        assert_eq!(working.join(b"M\xfcller").as_bytes(), b"/in/done/M\xfcller");
        assert_eq!(working.file_name(), Some(&b"done"[..]));
        assert_eq!(working.parent().parent().file_name(), None);
        assert_eq!(FtpPath::root().parent(), FtpPath::root());
        assert_eq!(FtpPath::root().relative(), Path::new("."));
        assert_eq!(working.relative(), Path::new("in/done"));
    }

    proptest! {
        #[test]
        fn what_is_resolved_has_no_way_up(
            arguments in prop::collection::vec("(/|\\.|a|\\x00){0,12}", 0..4)
        ) {
            let path = arguments
                .iter()
                .fold(FtpPath::root(), |path, argument| path.join(argument.as_bytes()));
            let bytes = path.as_bytes();
            prop_assert_eq!(bytes[0], b'/');
            for part in bytes[1..].split(|byte| *byte == b'/') {
                prop_assert!(path.is_root() || !matches!(part, b"" | b"." | b".."), "{}", path);
            }
            // It means the same again, wherever it is said.
            prop_assert_eq!(&FtpPath::root().join(b"x").join(bytes), &path);
            if let Some(name) = path.file_name() {
                prop_assert_eq!(&path.parent().child(name), &path);
                prop_assert_eq!(&path.join(b".."), &path.parent());
            }
        }
    }
}
