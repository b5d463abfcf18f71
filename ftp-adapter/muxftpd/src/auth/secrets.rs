//! Files that hold secrets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tracing::warn;

/// Anything for others, and writing for the group.
const TOO_OPEN: u32 = 0o027;

/// Warns if others than the owner and those in the group of `path` can read it.
pub fn warn_if_open(path: &Path) {
    if is_too_open(path) {
        let path = path.display();
        warn!("{path} holds secrets and is open to other users: chmod 640 or stricter");
    }
}

fn is_too_open(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & TOO_OPEN != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn the_owner_and_the_readers_of_the_group_alone_may_have_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true), (0o660, true)] {
            fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_too_open(file.path()), open, "{mode:o}");
        }
    }
}
