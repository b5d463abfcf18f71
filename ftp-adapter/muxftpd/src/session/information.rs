//! What the server tells of itself and of the session: `FEAT`, `OPTS`, `HELP` and `STAT`.

use crate::session::command::{self, COMMANDS, Feature, OTHER_FEATURES, Verb};
use crate::session::interrupt::unless_interrupted;
use crate::session::reply::Reply;
use crate::session::status::status;
use crate::session::{Session, Step, blocking};
use crate::storage::{Facts, Format, behind_options};

/// How many keywords stand on a line of `HELP`.
const KEYWORDS_PER_LINE: usize = 8;

impl Session {
    pub(super) fn features(&self) -> Reply {
        let lines = COMMANDS.iter().filter_map(|command| match command.feature {
            Feature::No => None,
            Feature::Tls(_) if self.shared.tls.is_none() => None,
            Feature::Line(line) | Feature::Tls(line) => Some(line.to_owned()),
            Feature::Facts => Some(self.parameters.facts.feature()),
        });
        let others = OTHER_FEATURES.iter().map(|line| (*line).to_owned());
        Reply::of_lines(211, "Features:", lines.chain(others), "End")
    }

    pub(super) fn options(&mut self, argument: &[u8]) -> Reply {
        let end = argument.iter().position(|byte| *byte == b' ').unwrap_or(argument.len());
        let (name, value) = (&argument[..end], argument[end..].trim_ascii());
        match name.to_ascii_uppercase().as_slice() {
            b"UTF8" | b"UTF-8" if value.is_empty() || value.eq_ignore_ascii_case(b"ON") => {
                Reply::new(200, "Names are UTF-8, as always.")
            }
            b"UTF8" | b"UTF-8" => Reply::new(501, "Names are bytes, UTF-8 where they are text."),
            b"MLST" => {
                self.parameters.facts = Facts::parse(value);
                let text = format!("MLST OPTS {}", self.parameters.facts);
                Reply::new(200, text.trim_end())
            }
            _ => Reply::new(501, "There is OPTS UTF8 and OPTS MLST."),
        }
    }

    pub(super) fn help(&self, argument: &[u8]) -> Reply {
        if argument.is_empty() {
            let keywords: Vec<&str> = COMMANDS
                .iter()
                .filter(|command| !matches!(command.verb, Verb::ActiveMode | Verb::Smnt))
                .map(|command| command.keyword)
                .collect();
            let lines = keywords.chunks(KEYWORDS_PER_LINE).map(|some| some.join(" "));
            return Reply::of_lines(214, "These commands are known:", lines, "End");
        }
        let end = argument.iter().position(|byte| *byte == b' ').unwrap_or(argument.len());
        match command::find(&argument[..end]) {
            Some(command) => {
                let text = format!("Syntax: {} {}", command.keyword, command.syntax);
                Reply::new(214, text.trim_end())
            }
            None => Reply::new(502, "There is no such command."),
        }
    }

    /// `STAT` without an argument, while no transfer runs.
    pub(super) fn status(&self) -> Reply {
        let (control, data) = (self.control.is_protected(), self.security.of_data().is_some());
        status(control, data, self.parameters.ascii, &self.identity, None)
    }

    /// `STAT` with a path: the listing comes over the control connection.
    pub(super) async fn list_on_control(&mut self, argument: &[u8]) -> Step {
        let (working, argument) = (self.identity.working(), argument.to_owned());
        let path = working.join(behind_options(&argument));
        let listed = self.on_storage(move |storage| {
            let is_directory = storage.metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            let mut listing = storage.list(&working, &argument, Format::Long)?;
            let mut piece = Vec::new();
            let more = listing.next_piece(&mut piece)?;
            Ok((is_directory, piece, more.then_some(listing)))
        });
        let (is_directory, mut piece, mut rest) = match listed.await {
            Ok(listed) => listed,
            Err(error) => return self.answer(Reply::refused(450, &error)).await,
        };
        let code = if is_directory { 212 } else { 213 };
        self.control.send(&Reply::first_line(code, "Status:")).await?;
        let interrupt = loop {
            self.control.send(&piece).await?;
            let Some(mut listing) = rest.take() else { break None };
            let next = blocking(move || {
                piece.clear();
                let more = listing.next_piece(&mut piece)?;
                Ok((piece, more.then_some(listing)))
            });
            // It may be long: ABOR ends it, and so does the client's going.
            let stop = &self.shutdown.drain;
            let status = || Reply::new(211, "A listing is being sent.");
            match unless_interrupted(&mut self.control, stop, status, next).await {
                Ok(Ok(next)) => (piece, rest) = next,
                Ok(Err(_)) => break None,
                Err(interrupt) => break Some(interrupt),
            }
        };
        match interrupt {
            None => self.answer(Reply::new(code, "End")).await,
            Some(interrupt) => self.interrupted(interrupt, code, "Aborted.").await,
        }
    }
}
