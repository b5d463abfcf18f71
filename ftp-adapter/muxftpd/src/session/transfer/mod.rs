//! What moves data: `RETR`, `STOR`, `STOU`, `APPE`, `LIST`, `NLST` and `MLSD`.
//!
//! | file | what is in it |
//! |---|---|
//! | `prepare` | what is done before 150, in one trip to the disk |
//! | `open` | the data connection: awaited, and put into TLS |
//! | `protect` | its TLS handshake, and whose connection that shows it to be |
//! | `data`, `idle` | that connection, and when it is given up |
//! | `send`, `sendfile`, `receive` | moving bytes |
//! | `quick` | a thread for a client that is quick |
//! | [`ascii`] | line ends |

pub mod ascii;
mod data;
mod idle;
mod open;
mod prepare;
pub(in crate::session) mod protect;
mod quick;
mod receive;
mod send;
#[cfg(target_os = "linux")]
mod sendfile;

use crate::observe::events::{Failure, Outcome, Transfer, TransferRefused};
use crate::session::control::Interrupt;
use crate::session::interrupt::unless_interrupted;
use crate::session::reply::Reply;
use crate::session::status::{Progress, status};
use crate::session::transfer::data::Data;
use crate::session::transfer::open::NotOpened;
use crate::session::transfer::prepare::{Body, Prepared, Task};
use crate::session::{Next, Session, Step, blocking};
use crate::storage::{Format, FtpPath, WriteFrom};
use crate::tls::Direction;
use std::fs::File;
use std::io::{self, Seek};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::debug;

/// Why a transfer ended before its end.
#[derive(Debug)]
enum Broken {
    Connection(io::Error),
    File(io::Error),
    /// The peer neither sent nor acknowledged anything for too long.
    Idle,
}

/// Refuses the end of a file that comes before `end`, where it was when the client was told the
/// size: what the client has is not the file.
fn check_end(file: &mut File, end: u64) -> io::Result<()> {
    if file.stream_position()? < end {
        return Err(io::Error::other("the file became shorter while it was sent"));
    }
    Ok(())
}

impl Session {
    pub(super) async fn retrieve(&mut self, argument: &[u8]) -> Step {
        let (path, offset) = (self.identity.path(argument), self.take_restart());
        let ascii = self.converts();
        let direct = self.security.of_data().is_none() && !ascii;
        self.transfer("RETR", Task::Retrieve { path, offset, ascii, direct }).await
    }

    pub(super) async fn store(&mut self, argument: &[u8]) -> Step {
        let path = self.identity.path(argument);
        let from = match self.take_restart() {
            0 => WriteFrom::Start,
            offset => WriteFrom::Offset(offset),
        };
        self.transfer("STOR", Task::Store { path, from }).await
    }

    pub(super) async fn append(&mut self, argument: &[u8]) -> Step {
        self.take_restart();
        let path = self.identity.path(argument);
        self.transfer("APPE", Task::Store { path, from: WriteFrom::End }).await
    }

    pub(super) async fn store_unique(&mut self, argument: &[u8]) -> Step {
        self.take_restart();
        let (working, name) = (self.identity.working(), argument.to_owned());
        self.transfer("STOU", Task::StoreUnique { working, name }).await
    }

    pub(super) async fn list(&mut self, command: &'static str, argument: &[u8]) -> Step {
        self.take_restart();
        let format = match command {
            "LIST" => Format::Long,
            "NLST" => Format::Names,
            _ => Format::Machine(self.parameters.facts),
        };
        let (working, argument) = (self.identity.working(), argument.to_owned());
        self.transfer(command, Task::List { working, argument, format }).await
    }

    /// What `REST` has said, which counts for one transfer.
    fn take_restart(&mut self) -> u64 {
        std::mem::take(&mut self.parameters.restart)
    }

    /// Does a transfer, or says why not. Whatever happens, one reply is the last.
    async fn transfer(&mut self, command: &'static str, task: Task) -> Step {
        let begun = Instant::now();
        let path = task.path();
        if self.shared.settings.tls_required && self.security.of_data().is_none() {
            let why = Reply::new(521, "Data connections need PROT P.");
            return self.refuse(command, &path, why).await;
        }
        if !self.passive.mode.is_reserved() {
            let why = Reply::from(&ftp_adapter::Reply::NotReserved);
            return self.refuse(command, &path, why).await;
        }
        if task.offset() > 0 && self.converts() {
            return self.refuse(command, &path, Reply::new(554, "REST needs TYPE I.")).await;
        }
        let refusal = task.refusal();
        let storage = match self.identity.storage() {
            Ok(storage) => storage.clone(),
            Err(error) => return self.refuse(command, &path, Reply::refused(530, &error)).await,
        };
        let prepared = match task.prepare_at_once(&storage, &path) {
            Some(prepared) => Ok(prepared),
            None => {
                let path = path.clone();
                blocking(move || task.prepare(&storage, path)).await
            }
        };
        let Prepared { opening, path, body } = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse(command, &path, refusal.reply(&error)).await,
        };
        let direction = match &body {
            Body::Outgoing(_) => Direction::ToClient,
            Body::Upload(_) => Direction::FromClient,
        };
        self.passive.announced.set(direction);
        self.control.reply(&Reply::new(150, opening)).await?;

        let progress = Progress { command, path, moved: Arc::default() };
        let outcome = self.move_data(&progress, direction, body).await;
        let strangers = match &outcome {
            Err(Failed::NotOpened(NotOpened::Passive(_))) => self.passive.mode.strangers(),
            _ => Vec::new(),
        };
        let result = outcome.as_ref().map_or_else(
            |failed| Outcome::Failed(failed.cause(&strangers)),
            |()| Outcome::Completed,
        );
        self.journal(&progress, begun, result);
        match outcome {
            Ok(()) => self.answer(Reply::new(226, "Transfer complete.")).await,
            Err(Failed::Interrupted(interrupt)) => {
                self.interrupted(interrupt, 426, "Transfer aborted.").await
            }
            Err(Failed::NotOpened(NotOpened::Passive(reply))) => self.passive_answer(&reply).await,
            Err(Failed::NotOpened(not_opened)) => self.answer(not_opened.reply()).await,
            Err(Failed::Broken(broken)) => {
                if let Broken::Connection(error) = &broken {
                    debug!(client = %self.client, "a data connection was lost: {error}");
                }
                self.answer(broken.reply()).await
            }
        }
    }

    /// Refuses a transfer: the reply first, and then the end of the connection that waits for it.
    async fn refuse(&mut self, command: &'static str, path: &FtpPath, reply: Reply) -> Step {
        self.shared.journal.transfer_refused(&TransferRefused {
            client: self.client,
            user: self.identity.user_name().unwrap_or_default(),
            command,
            path: path.as_bytes(),
            code: reply.code(),
            reply: reply.as_bytes().trim_ascii_end(),
        });
        self.control.reply(&reply).await?;
        self.passive.refuse(self.security.of_data().is_none()).await;
        Ok(Next::Command)
    }

    /// Waits for the data connection, and moves what is to be moved.
    async fn move_data(
        &mut self,
        progress: &Progress,
        direction: Direction,
        body: Body,
    ) -> Result<(), Failed> {
        let Self { shared, shutdown, control, identity, security, parameters, passive, .. } = self;
        let protected = (control.is_protected(), security.of_data().is_some());
        let status =
            || status(protected.0, protected.1, parameters.ascii, identity, Some(progress));

        let settings = &shared.settings;
        let open = open::open(passive, security.of_data(), direction, &shared.journal);
        let stream = unless_interrupted(control, &shutdown.drain, status, open).await??;
        let moved = Arc::clone(&progress.moved);
        let threads = TaskTracker::new();
        let data =
            Data::new(stream, settings.stall_timeout, settings.strict_close, moved, &threads);
        let ascii = parameters.ascii && settings.ascii;
        let work = async {
            match body {
                Body::Outgoing(outgoing) => send::send(data, outgoing).await,
                Body::Upload(upload) => receive::receive(data, upload, ascii).await,
            }
        };
        // When the server shuts down, a transfer that has begun may finish.
        let done = unless_interrupted(control, &shutdown.cut, status, work).await;
        // A thread may be about to write what came before an abort. Nobody is told that it is over
        // before that is done: the next transfer may be of the same file.
        threads.close();
        threads.wait().await;
        done?.map_err(Failed::Broken)
    }

    fn journal(&self, progress: &Progress, begun: Instant, outcome: Outcome<'_>) {
        self.shared.journal.transfer(&Transfer {
            client: self.client,
            user: self.identity.user_name().unwrap_or_default(),
            command: progress.command,
            path: progress.path.as_bytes(),
            bytes: Some(progress.moved()),
            took: begun.elapsed(),
            port: self.passive.mode.last_port(),
            named: self.passive.named,
            outcome,
        });
    }
}

/// Why a transfer failed after 150.
#[derive(Debug)]
enum Failed {
    Interrupted(Interrupt),
    NotOpened(NotOpened),
    Broken(Broken),
}

impl From<Interrupt> for Failed {
    fn from(interrupt: Interrupt) -> Self {
        Self::Interrupted(interrupt)
    }
}

impl From<NotOpened> for Failed {
    fn from(not_opened: NotOpened) -> Self {
        Self::NotOpened(not_opened)
    }
}

impl Failed {
    fn cause<'a>(&'a self, strangers: &'a [IpAddr]) -> Failure<'a> {
        match self {
            Self::Interrupted(Interrupt::ShuttingDown)
            | Self::NotOpened(NotOpened::Passive(ftp_adapter::Reply::ShuttingDown)) => {
                Failure::ShuttingDown
            }
            Self::Interrupted(_) => Failure::Aborted,
            Self::NotOpened(NotOpened::Passive(_)) => Failure::NobodyConnected { strangers },
            Self::NotOpened(NotOpened::Handshake(error)) => Failure::Handshake(error),
            Self::NotOpened(NotOpened::NotResumed) => Failure::NotResumed,
            Self::Broken(Broken::Connection(_)) => Failure::Reset,
            Self::Broken(Broken::File(error)) => Failure::File(error),
            Self::Broken(Broken::Idle) => Failure::Idle,
        }
    }
}

impl Broken {
    fn reply(&self) -> Reply {
        match self {
            Self::Connection(_) => Reply::new(426, "The data connection was lost."),
            Self::Idle => Reply::new(426, "The data connection was silent for too long."),
            Self::File(error) => match error.kind() {
                io::ErrorKind::StorageFull => Reply::refused(452, error),
                io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Reply::refused(552, error)
                }
                _ => Reply::refused(451, error),
            },
        }
    }
}
