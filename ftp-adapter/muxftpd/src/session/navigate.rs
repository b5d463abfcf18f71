//! Directories: `CWD`, `CDUP`, `PWD`, `MKD` and `RMD`.

use crate::session::Session;
use crate::session::reply::{Reply, quoted};

impl Session {
    /// `CWD` and `CDUP`. Section 5.4 of RFC 959 has 200 for the latter; section 4.1.1 has the codes
    /// of `CWD` for both, and PHP's client takes no other.
    pub(super) async fn change_directory(&mut self, argument: &[u8]) -> Reply {
        let path = self.identity.path(argument);
        let wanted = path.clone();
        match self.on_storage(move |storage| storage.enter(&wanted)).await {
            Ok(()) => {
                self.identity.set_working(path);
                Reply::new(250, "Directory changed.")
            }
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) fn print_directory(&self) -> Reply {
        let mut text = quoted(&self.identity.working());
        text.extend_from_slice(b" is the working directory.");
        Reply::new(257, text)
    }

    pub(super) async fn make_directory(&mut self, argument: &[u8]) -> Reply {
        let path = self.identity.path(argument);
        let mut text = quoted(&path);
        text.extend_from_slice(b" was created.");
        match self.on_storage(move |storage| storage.create_directory(&path)).await {
            Ok(()) => Reply::new(257, text),
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) async fn remove_directory(&mut self, argument: &[u8]) -> Reply {
        let path = self.identity.path(argument);
        match self.on_storage(move |storage| storage.remove_directory(&path)).await {
            Ok(()) => Reply::new(250, "Directory removed."),
            Err(error) => Reply::refused(550, &error),
        }
    }
}
