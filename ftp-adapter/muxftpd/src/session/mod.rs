//! A control connection, its commands and its transfers.
//!
//! | file | what is in it |
//! |---|---|
//! | [`command`] | the table of commands, and reading one from a line |
//! | [`reply`] | what clients are told |
//! | [`control`], [`telnet`] | the control connection |
//! | `login`, `security` | USER to REIN; AUTH, PBSZ, PROT |
//! | `navigate`, `files`, `information`, `status` | what is answered at once |
//! | `passive`, [`transfer`] | PASV to PORT; what moves data |
//! | [`shared`], `record` | what all sessions share; what is told when one is over |

pub mod command;
pub mod control;
mod files;
mod information;
mod interrupt;
mod login;
mod navigate;
mod parameters;
mod passive;
mod record;
pub mod reply;
mod security;
pub mod shared;
mod status;
pub mod telnet;
pub mod transfer;

use crate::observe::events::SessionEnd;
use crate::session::command::{Access, Unknown, Verb};
use crate::session::control::{Control, Line};
use crate::session::login::Identity;
use crate::session::parameters::Parameters;
use crate::session::passive::PassiveMode;
use crate::session::record::Record;
use crate::session::reply::Reply;
use crate::session::security::Security;
use crate::session::shared::{Shared, Shutdown};
use crate::storage::Storage;
use ftp_adapter::SessionAddresses;
use mux_core::Client;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;
use tracing::debug;

/// Whether the session goes on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Command,
    /// The client was told that this was all.
    Close(SessionEnd),
    /// There is nobody to tell.
    Gone,
}

type Step = io::Result<Next>;

/// A control connection and all that was said on it.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    shutdown: Shutdown,
    record: Record,
    client: Client,
    control: Control,
    identity: Identity,
    security: Security,
    parameters: Parameters,
    passive: PassiveMode,
}

impl Session {
    /// Serves a control connection to its end, or until the server shuts down. Its ends are those
    /// that the client sees, which a proxy in between has others than the socket.
    pub async fn serve(
        shared: Arc<Shared>,
        stream: TcpStream,
        ends: SessionAddresses,
        implicit_tls: bool,
        shutdown: Shutdown,
    ) {
        match Self::new(shared, stream, ends, shutdown) {
            Ok(session) => session.run_to_the_end(implicit_tls).await,
            Err(error) => debug!(client = %ends.peer.ip(), "no session: {error}"),
        }
    }

    fn new(
        shared: Arc<Shared>,
        stream: TcpStream,
        ends: SessionAddresses,
        shutdown: Shutdown,
    ) -> io::Result<Self> {
        let client = Client::from(ends.peer);
        let record = Record::begin(&shared.journal, client, shutdown.kill.clone());
        let control = Control::new(stream)?;
        let passive = PassiveMode::new(shared.passive.session(ends.peer, ends.local));
        let identity = Identity::new(shared.settings.login_timeout);
        Ok(Self {
            shared,
            shutdown,
            record,
            client,
            control,
            identity,
            security: Security::default(),
            parameters: Parameters::default(),
            passive,
        })
    }

    async fn run_to_the_end(mut self, implicit_tls: bool) {
        let next = self.run(implicit_tls).await;
        let Self { control, passive, client, mut record, .. } = self;
        // The port is free at once, whatever the client does.
        drop(passive);
        let end = match next {
            Ok(Next::Close(end)) => {
                control.close().await;
                end
            }
            Ok(_) => SessionEnd::Over,
            Err(error) => {
                debug!(%client, "the control connection was lost: {error}");
                SessionEnd::Over
            }
        };
        record.end = Some(end);
    }

    async fn run(&mut self, implicit_tls: bool) -> Step {
        if implicit_tls {
            self.begin_implicit_tls().await?;
        }
        self.control.reply(&Reply::new(220, &self.shared.settings.greeting)).await?;
        loop {
            let now = Instant::now();
            let idle = now + self.shared.settings.idle_timeout;
            let deadline = self.identity.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return self.end(421, "No login in time, closing.", SessionEnd::NoLogin).await;
            }
            let until = deadline.unwrap_or(idle).min(idle);
            let line = tokio::select! {
                biased;
                () = self.shutdown.drain.cancelled() => return self.drained().await,
                line = timeout_at(until.into(), self.control.line()) => line,
            };
            let Ok(line) = line else {
                if deadline.is_some_and(|deadline| deadline <= idle) {
                    continue;
                }
                return self.end(421, "Silent for too long, closing.", SessionEnd::Silent).await;
            };
            let next = match line? {
                Line::Command(line) => self.command(&line).await?,
                Line::TooLong => self.answer(Reply::new(500, "The command is too long.")).await?,
                Line::Endless => {
                    let why = "Command too long, closing.";
                    self.end(421, why, SessionEnd::EndlessCommand).await?
                }
                Line::End => Next::Gone,
            };
            if next != Next::Command {
                return Ok(next);
            }
        }
    }

    /// Does one command: all of them are here.
    async fn command(&mut self, line: &[u8]) -> Step {
        let request = match command::parse(line) {
            Ok(request) => request,
            Err(Unknown::NotImplemented) => {
                return self.answer(Reply::new(502, "Command not implemented.")).await;
            }
            Err(Unknown::NotKnown) => {
                return self.answer(Reply::new(500, "Unknown command.")).await;
            }
        };
        let command = request.command;
        debug!(client = %self.client, "{}", command.keyword);
        // It counts for the very next command (RFC 959, section 4.1.3).
        let rename_from = self.parameters.rename_from.take();
        self.passive.let_go();
        if command.access == Access::Users && !self.identity.is_logged_in() {
            return self.answer(Reply::new(530, "Log in with USER and PASS.")).await;
        }
        if !request.has_right_argument() {
            let syntax = format!("Syntax: {} {}", command.keyword, command.syntax);
            return self.answer(Reply::new(501, syntax.trim_end())).await;
        }
        let argument = request.argument;
        let reply = match command.verb {
            Verb::User => self.user(argument),
            Verb::Pass => return self.pass(argument).await,
            Verb::Acct => Reply::new(202, "No account is needed."),
            Verb::Rein => return self.reinitialize().await,
            Verb::Quit => return self.end(221, "Goodbye.", SessionEnd::Over).await,

            Verb::Auth => return self.auth(argument).await,
            Verb::Pbsz => self.pbsz(argument),
            Verb::Prot => self.prot(argument),
            Verb::Ccc => self.ccc(),

            Verb::Cwd => self.change_directory(argument).await,
            Verb::Cdup => self.change_directory(b"..").await,
            Verb::Pwd => self.print_directory(),
            Verb::Mkd => self.make_directory(argument).await,
            Verb::Rmd => self.remove_directory(argument).await,

            Verb::Dele => self.delete(argument).await,
            Verb::Rnfr => self.rename_from(argument).await,
            Verb::Rnto => self.rename_to(rename_from, argument).await,
            Verb::Size => self.size(argument).await,
            Verb::Mdtm => self.modified(argument).await,
            Verb::Mfmt => self.set_modified(argument).await,
            Verb::Mlst => self.facts(argument).await,
            Verb::Site => self.site(argument).await,

            Verb::Type => self.set_type(argument),
            Verb::Stru => self.set_structure(argument),
            Verb::Mode => self.set_mode(argument),
            Verb::Rest => self.restart_at(argument),
            Verb::Allo => self.allocate(argument),

            Verb::Syst => Reply::new(215, "UNIX Type: L8"),
            Verb::Noop => Reply::new(200, "OK."),
            Verb::Clnt => Reply::new(200, "Noted."),
            Verb::Feat => self.features(),
            Verb::Opts => self.options(argument),
            Verb::Help => self.help(argument),
            Verb::Stat if argument.is_empty() => self.status(),
            Verb::Stat => return self.list_on_control(argument).await,
            Verb::Smnt => Reply::new(502, "There is nothing to mount."),

            Verb::Pasv => return self.pasv().await,
            Verb::Epsv => return self.epsv(argument).await,
            Verb::ActiveMode => return self.active_mode().await,
            Verb::Abor => self.abort_nothing(),

            Verb::Retr => return self.retrieve(argument).await,
            Verb::Stor => return self.store(argument).await,
            Verb::Stou => return self.store_unique(argument).await,
            Verb::Appe => return self.append(argument).await,
            Verb::List => return self.list("LIST", argument).await,
            Verb::Nlst => return self.list("NLST", argument).await,
            Verb::Mlsd => return self.list("MLSD", argument).await,
        };
        self.answer(reply).await
    }

    async fn answer(&mut self, reply: Reply) -> Step {
        self.control.reply(&reply).await?;
        Ok(Next::Command)
    }

    /// The last reply of the session.
    async fn end(&mut self, code: u16, text: &str, end: SessionEnd) -> Step {
        self.passive.mode.end_reservation();
        self.control.reply(&Reply::new(code, text)).await?;
        Ok(Next::Close(end))
    }

    async fn drained(&mut self) -> Step {
        self.end(421, "Service shutting down.", SessionEnd::Drained).await
    }

    /// Does something on a thread that may wait for the disk. Only those who have logged in have a
    /// storage.
    async fn on_storage<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let storage = self.identity.storage()?.clone();
        blocking(move || work(&storage)).await
    }
}

/// Does something on a thread that may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
}
