//! Files, other than their content: `DELE`, `RNFR`, `RNTO`, `SIZE`, `MDTM`, `MFMT`, `MLST` and
//! `SITE CHMOD`.

use crate::session::Session;
use crate::session::reply::Reply;
use crate::storage::{FtpPath, Metadata, time_value};
use std::io;

impl Session {
    pub(super) async fn delete(&mut self, argument: &[u8]) -> Reply {
        let path = self.identity.path(argument);
        match self.on_storage(move |storage| storage.remove_file(&path)).await {
            Ok(()) => Reply::new(250, "File deleted."),
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) async fn rename_from(&mut self, argument: &[u8]) -> Reply {
        let path = self.identity.path(argument);
        let from = path.clone();
        let found = self.on_storage(move |storage| {
            storage.entry(&path)?;
            // Refused here where it would be refused by RNTO anyway.
            if storage.is_writable() { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
        });
        match found.await {
            Ok(()) => {
                self.parameters.rename_from = Some(from);
                Reply::new(350, "Send the new name with RNTO.")
            }
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) async fn rename_to(&mut self, from: Option<FtpPath>, argument: &[u8]) -> Reply {
        let Some(from) = from else { return Reply::new(503, "Use RNFR first.") };
        let to = self.identity.path(argument);
        match self.on_storage(move |storage| storage.rename(&from, &to)).await {
            Ok(()) => Reply::new(250, "File renamed."),
            Err(error) => Reply::refused(553, &error),
        }
    }

    /// `SIZE`: how many bytes `RETR` would send (RFC 3659, section 4). With line ends converted,
    /// only a look at the whole file could tell.
    pub(super) async fn size(&mut self, argument: &[u8]) -> Reply {
        if self.converts() {
            return Reply::new(550, "SIZE needs TYPE I.");
        }
        match self.regular(argument).await {
            Ok(metadata) => Reply::new(213, metadata.len().to_string()),
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) async fn modified(&mut self, argument: &[u8]) -> Reply {
        match self.regular(argument).await {
            Ok(metadata) => Reply::new(213, metadata.time_value()),
            Err(error) => Reply::refused(550, &error),
        }
    }

    /// What is known of a path that `RETR` would take.
    async fn regular(&self, argument: &[u8]) -> io::Result<Metadata> {
        let path = self.identity.path(argument);
        let metadata = self.on_storage(move |storage| storage.metadata(&path)).await?;
        match () {
            () if metadata.is_file() => Ok(metadata),
            () if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            () => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) async fn set_modified(&mut self, argument: &[u8]) -> Reply {
        let Some((time, name)) = time_value::parse_with_path(argument) else {
            return Reply::new(501, "Syntax: MFMT <YYYYMMDDHHMMSS> <path>");
        };
        let path = self.identity.path(name);
        let mut text = b"Modify=".to_vec();
        text.extend_from_slice(&argument[..argument.len() - name.len() - 1]);
        text.extend_from_slice(b"; ");
        text.extend_from_slice(name);
        match self.on_storage(move |storage| storage.set_modified(&path, time)).await {
            Ok(()) => Reply::new(213, text),
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) async fn facts(&mut self, argument: &[u8]) -> Reply {
        let (path, facts) = (self.identity.path(argument), self.parameters.facts);
        match self.on_storage(move |storage| storage.fact_line(&path, facts)).await {
            Ok(line) => Reply::of_lines(250, "Listing:", [line], "End"),
            Err(error) => Reply::refused(550, &error),
        }
    }

    pub(super) async fn site(&mut self, argument: &[u8]) -> Reply {
        let argument = argument.trim_ascii_start();
        let end = argument.iter().position(|byte| *byte == b' ').unwrap_or(argument.len());
        let (word, rest) = argument.split_at(end);
        match word.to_ascii_uppercase().as_slice() {
            b"HELP" => {
                Reply::of_lines(214, "SITE commands:", ["CHMOD <mode> <path>", "HELP"], "End")
            }
            b"CHMOD" => self.change_mode(rest.trim_ascii_start()).await,
            _ => Reply::new(501, "There is SITE HELP and SITE CHMOD."),
        }
    }

    async fn change_mode(&mut self, argument: &[u8]) -> Reply {
        let syntax = || Reply::new(501, "Syntax: SITE CHMOD <mode> <path>");
        let Some(space) = argument.iter().position(|byte| *byte == b' ') else { return syntax() };
        let (mode, name) = (&argument[..space], &argument[space + 1..]);
        let mode = str::from_utf8(mode).ok().filter(|mode| !mode.starts_with('+'));
        let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let (Some(mode @ 0..=0o7777), false) = (mode, name.is_empty()) else { return syntax() };
        let path = self.identity.path(name);
        match self.on_storage(move |storage| storage.set_mode(&path, mode)).await {
            Ok(()) => Reply::new(200, "Permissions changed."),
            Err(error) => Reply::refused(550, &error),
        }
    }
}
