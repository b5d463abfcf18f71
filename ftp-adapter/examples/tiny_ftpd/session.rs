//! One session: its commands and their replies.

use crate::Server;
use crate::control::{Control, Interrupt, Line};
use crate::files::{Listing, resolve, timestamp};
use crate::tls;
use crate::transfer::{self, Failure, Transfer};
use ftp_adapter::{PassiveSession, Reply};
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Whether the session goes on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Command,
    /// The client was told that this was all.
    Close,
    /// There is nobody to tell.
    Gone,
}

type Step = io::Result<Next>;

/// A control connection and all that was said on it.
pub(crate) struct Session {
    server: Arc<Server>,
    control: Control,
    passive: PassiveSession,
    user: Option<String>,
    logged_in: bool,
    /// The working directory, as clients see it.
    working: String,
    /// Where the next transfer starts (`REST`).
    start: u64,
    rename_from: Option<String>,
    /// The control connection's TLS.
    tls: Option<tls::Session>,
    /// Whether data connections use TLS (`PROT P`).
    protected: bool,
}

impl Session {
    /// Serves a control connection to its end, or until `stop`.
    pub(crate) async fn serve(
        server: Arc<Server>,
        stream: TcpStream,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let control = Control::new(stream)?;
        let (peer, local) = control.addresses()?;
        let passive = server.passive.session(peer, local);
        let mut session = Self {
            server,
            control,
            passive,
            user: None,
            logged_in: false,
            working: "/".to_owned(),
            start: 0,
            rename_from: None,
            tls: None,
            protected: false,
        };
        if session.run(&stop).await? == Next::Close {
            // The port is free at once, whatever the client does.
            drop(session.passive);
            session.control.close().await;
        }
        Ok(())
    }

    async fn run(&mut self, stop: &CancellationToken) -> Step {
        self.control.reply(220, "tiny_ftpd ready, log in as anonymous.").await?;
        loop {
            let idle = self.server.idle_timeout;
            let line = tokio::select! {
                biased;
                () = stop.cancelled() => return self.last(&Reply::ShuttingDown).await,
                line = timeout(idle, self.control.line()) => line,
            };
            let Ok(line) = line else { return self.end(421, "Silent for too long.").await };
            let next = match line? {
                Line::Command(line) => self.command(&line, stop).await?,
                Line::Unreadable => self.reply(501, "Commands are UTF-8.").await?,
                Line::TooLong => self.end(500, "The command is too long.").await?,
                Line::End => Next::Gone,
            };
            if next != Next::Command {
                return Ok(next);
            }
        }
    }

    async fn command(&mut self, line: &str, stop: &CancellationToken) -> Step {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        debug!(client = %self.passive.addresses().peer, "{verb}");
        let rename_from = self.rename_from.take();
        match verb.as_str() {
            "USER" => self.user(argument).await,
            "PASS" => self.pass().await,
            "QUIT" => self.end(221, "Goodbye.").await,
            "NOOP" => self.reply(200, "Still here.").await,
            "SYST" => self.reply(215, "UNIX Type: L8").await,
            "FEAT" => self.features().await,
            "OPTS" if argument.eq_ignore_ascii_case("UTF8 ON") => {
                self.reply(200, "As always.").await
            }
            "OPTS" => self.reply(501, "There is no such option.").await,
            "AUTH" => self.auth(argument).await,
            "PBSZ" | "PROT" => self.protection(&verb, argument).await,
            // RFC 959 has one command for both.
            "ABOR" => {
                self.passive.end_reservation();
                self.reply(226, "There is no transfer.").await
            }
            _ if !KNOWN.contains(&verb.as_str()) => self.reply(502, "Not implemented.").await,
            _ if !self.logged_in => self.reply(530, "Log in first.").await,

            "PASV" => self.passive("", false, stop).await,
            "EPSV" => self.passive(argument, true, stop).await,
            "PORT" | "EPRT" => match self.passive.active_mode() {
                Ok(()) => self.reply(502, "Active mode is not served, use PASV or EPSV.").await,
                Err(reply) => self.answer(&reply).await,
            },

            // ASCII is sent as it is: with conversions SIZE and REST would depend on the content.
            "TYPE" => match argument.to_ascii_uppercase().as_str() {
                "I" | "L 8" | "A" | "A N" => self.reply(200, "So be it.").await,
                _ => self.reply(504, "Use TYPE I or TYPE A.").await,
            },
            "MODE" if argument.eq_ignore_ascii_case("S") => self.reply(200, "So be it.").await,
            "STRU" if argument.eq_ignore_ascii_case("F") => self.reply(200, "So be it.").await,
            "MODE" | "STRU" => self.reply(504, "Use MODE S and STRU F.").await,
            "REST" => match argument.parse() {
                Ok(start) => {
                    self.start = start;
                    self.reply(350, format!("The next transfer starts at {start}.")).await
                }
                Err(_) => self.reply(501, "REST takes a number of bytes.").await,
            },

            "PWD" => self.reply(257, format!("{} is the working directory.", self.quoted())).await,
            "CWD" => self.change_directory(argument).await,
            "CDUP" => self.change_directory("..").await,
            "LIST" | "NLST" => self.list(&verb, argument, stop).await,

            _ if argument.is_empty() => self.reply(501, "Name a file.").await,
            "RETR" => self.retrieve(argument, stop).await,
            "STOR" => self.store(argument, stop).await,
            "APPE" => self.append(argument, stop).await,
            "SIZE" | "MDTM" => self.look_at(&verb, argument).await,
            "DELE" => {
                let done = self.server.files.remove_file(self.path(argument)).await;
                self.done(done, 250, "Deleted.").await
            }
            "MKD" => {
                let path = self.path(argument);
                let created = format!("{} was created.", quoted(&path));
                let done = self.server.files.create_directory(path).await;
                self.done(done, 257, created).await
            }
            "RMD" => {
                let done = self.server.files.remove_directory(self.path(argument)).await;
                self.done(done, 250, "Removed.").await
            }
            "RNFR" => {
                let path = self.path(argument);
                let found = self.server.files.metadata(path.clone()).await.map(drop);
                let allowed = if self.server.files.is_writable() {
                    found
                } else {
                    Err(io::ErrorKind::PermissionDenied.into())
                };
                self.rename_from = allowed.is_ok().then_some(path);
                self.done(allowed, 350, "To which name?").await
            }
            "RNTO" => match rename_from {
                None => self.reply(503, "Use RNFR first.").await,
                Some(from) => {
                    let done = self.server.files.rename(from, self.path(argument)).await;
                    self.done(done, 250, "Renamed.").await
                }
            },
            _ => self.reply(502, "Not implemented.").await,
        }
    }

    // Passive mode: all its rules are those of `PassiveSession`.

    async fn passive(&mut self, argument: &str, extended: bool, stop: &CancellationToken) -> Step {
        // The connection that resumes this session's TLS session is awaited, and not just any.
        let verifies = self.tls.as_ref().is_some_and(tls::Session::verifies);
        self.passive.verify_connections(self.protected && verifies);
        let passive = &mut self.passive;
        let answer =
            async { if extended { passive.epsv(argument).await } else { passive.pasv().await } };
        match unless_interrupted(&mut self.control, Some(stop), answer).await {
            Ok(reply) => self.answer(&reply).await,
            Err(interrupt) => self.interrupted(interrupt, 425, "Aborted.").await,
        }
    }

    async fn answer(&mut self, reply: &Reply) -> Step {
        if reply.closes() {
            return self.last(reply).await;
        }
        self.control.send(&reply.line()).await?;
        Ok(Next::Command)
    }

    /// The last reply of the session.
    async fn last(&mut self, reply: &Reply) -> Step {
        self.passive.end_reservation();
        self.control.send(&reply.line()).await?;
        Ok(Next::Close)
    }

    // Transfers

    async fn list(&mut self, verb: &str, argument: &str, stop: &CancellationToken) -> Step {
        let listing = if verb == "LIST" { Listing::Long } else { Listing::Names };
        // Many clients pass options on to an `ls` that is not there.
        let name = argument.split(' ').skip_while(|word| word.starts_with('-'));
        let path = self.path(&name.collect::<Vec<_>>().join(" "));
        let text = self.server.files.list(path, listing).await;
        self.transfer(text.map(Transfer::Text), stop).await
    }

    async fn retrieve(&mut self, name: &str, stop: &CancellationToken) -> Step {
        let start = std::mem::take(&mut self.start);
        let file = self.server.files.read(self.path(name), start).await;
        self.transfer(file.map(Transfer::Send), stop).await
    }

    async fn store(&mut self, name: &str, stop: &CancellationToken) -> Step {
        let start = std::mem::take(&mut self.start);
        let file = self.server.files.write(self.path(name)).await;
        self.transfer(file.map(|file| Transfer::Receive(file, start)), stop).await
    }

    async fn append(&mut self, name: &str, stop: &CancellationToken) -> Step {
        self.start = 0;
        let file = self.server.files.write(self.path(name)).await;
        self.transfer(file.map(Transfer::Append), stop).await
    }

    /// Does a transfer, or says why not. Whatever happens, one reply is the last.
    async fn transfer(&mut self, transfer: io::Result<Transfer>, stop: &CancellationToken) -> Step {
        let transfer = match transfer {
            Ok(transfer) => transfer,
            Err(error) => {
                // The client may have connected already, and waits there.
                self.passive.end_reservation();
                return self.refuse(&error).await;
            }
        };
        if self.server.tls_required && !self.protected {
            self.passive.end_reservation();
            return self.reply(521, "Data connections need PROT P.").await;
        }
        if !self.passive.is_reserved() {
            return self.answer(&Reply::NotReserved).await;
        }
        self.control.reply(150, "The data connection is awaited.").await?;

        let protection = self.tls.as_ref().filter(|_| self.protected);
        let open = transfer::open(&mut self.passive, protection);
        let data = match unless_interrupted(&mut self.control, Some(stop), open).await {
            Ok(Ok(data)) => data,
            Ok(Err(reply)) => return self.answer(&reply).await,
            Err(interrupt) => return self.interrupted(interrupt, 426, "Aborted.").await,
        };
        // Also when the server shuts down, a transfer that has begun may finish.
        let run = transfer.run(data, self.server.idle_timeout);
        match unless_interrupted(&mut self.control, None, run).await {
            Ok(Ok(())) => self.reply(226, "Done.").await,
            Ok(Err(Failure::Connection(error))) => {
                debug!("data connection lost: {error}");
                self.reply(426, "The data connection was lost.").await
            }
            Ok(Err(Failure::File(error))) => {
                self.reply(451, format!("The file failed: {}.", error.kind())).await
            }
            Err(interrupt) => self.interrupted(interrupt, 426, "Aborted.").await,
        }
    }

    /// Ends a command that was interrupted: with its own reply, and then that to `ABOR`.
    async fn interrupted(&mut self, interrupt: Interrupt, code: u16, text: &str) -> Step {
        self.passive.end_reservation();
        match interrupt {
            Interrupt::Gone => Ok(Next::Gone),
            Interrupt::ShuttingDown => self.last(&Reply::ShuttingDown).await,
            Interrupt::Abort => {
                self.control.reply(code, text).await?;
                self.reply(226, "Aborted as you wished.").await
            }
        }
    }

    // Login and TLS

    async fn user(&mut self, name: &str) -> Step {
        self.logged_in = false;
        if self.server.tls_required && self.tls.is_none() {
            return self.reply(534, "Use AUTH TLS first.").await;
        }
        self.user = Some(name.to_ascii_lowercase());
        self.reply(331, "Any password will do for anonymous.").await
    }

    async fn pass(&mut self) -> Step {
        match self.user.take().as_deref() {
            None => self.reply(503, "Use USER first.").await,
            Some("anonymous" | "ftp") => {
                self.logged_in = true;
                self.reply(230, "Welcome.").await
            }
            Some(_) => self.reply(530, "Only anonymous is let in.").await,
        }
    }

    async fn features(&mut self) -> Step {
        let tls = if self.server.tls.is_some() { " AUTH TLS\r\n PBSZ\r\n PROT\r\n" } else { "" };
        let lines = "211-Features\r\n EPSV\r\n MDTM\r\n REST STREAM\r\n SIZE\r\n UTF8\r\n";
        self.control.send(&format!("{lines}{tls}211 End\r\n")).await?;
        Ok(Next::Command)
    }

    async fn auth(&mut self, mechanism: &str) -> Step {
        let known = ["TLS", "TLS-C"].iter().any(|known| mechanism.eq_ignore_ascii_case(known));
        let Some(tls) = self.server.tls.clone() else {
            return self.reply(502, "Not implemented.").await;
        };
        if !known {
            return self.reply(504, "Use AUTH TLS.").await;
        }
        if self.control.is_protected() || self.control.has_more() {
            // What was sent ahead, unprotected, must not be taken for something said in private.
            return self.reply(503, "TLS cannot begin now.").await;
        }
        self.control.reply(234, "Begin.").await?;
        self.tls = Some(self.control.protect(&tls).await?);
        // As after REIN: nothing that was said before counts (RFC 4217, section 4).
        self.passive.reinitialize();
        (self.user, self.logged_in, self.protected) = (None, false, false);
        Ok(Next::Command)
    }

    async fn protection(&mut self, verb: &str, argument: &str) -> Step {
        if self.tls.is_none() {
            return self.reply(503, "Use AUTH TLS first.").await;
        }
        match (verb, argument.to_ascii_uppercase().as_str()) {
            ("PBSZ", _) => self.reply(200, "PBSZ=0").await,
            (_, "P") => {
                self.protected = true;
                self.reply(200, "Data connections use TLS.").await
            }
            (_, "C") if self.server.tls_required => self.reply(534, "PROT P is required.").await,
            (_, "C") => {
                self.protected = false;
                self.reply(200, "Data connections are plain.").await
            }
            (_, "S" | "E") => self.reply(536, "Use PROT P or PROT C.").await,
            _ => self.reply(504, "Use PROT P or PROT C.").await,
        }
    }

    // Files

    async fn change_directory(&mut self, name: &str) -> Step {
        let path = self.path(name);
        match self.server.files.metadata(path.clone()).await {
            Ok(metadata) if metadata.is_dir() => {
                self.working = path;
                self.reply(250, format!("{} is the working directory.", self.quoted())).await
            }
            Ok(_) => self.refuse(&io::ErrorKind::NotADirectory.into()).await,
            Err(error) => self.refuse(&error).await,
        }
    }

    async fn look_at(&mut self, verb: &str, name: &str) -> Step {
        match self.server.files.metadata(self.path(name)).await {
            Ok(metadata) if !metadata.is_file() => {
                self.refuse(&io::ErrorKind::IsADirectory.into()).await
            }
            Ok(metadata) if verb == "SIZE" => self.reply(213, metadata.len()).await,
            Ok(metadata) => self.reply(213, timestamp(&metadata)).await,
            Err(error) => self.refuse(&error).await,
        }
    }

    fn path(&self, name: &str) -> String {
        resolve(&self.working, name)
    }

    fn quoted(&self) -> String {
        quoted(&self.working)
    }

    async fn done(&mut self, done: io::Result<()>, code: u16, text: impl Display) -> Step {
        match done {
            Ok(()) => self.reply(code, text).await,
            Err(error) => self.refuse(&error).await,
        }
    }

    async fn refuse(&mut self, error: &io::Error) -> Step {
        match error.kind() {
            io::ErrorKind::NotFound => self.reply(550, "There is no such file.").await,
            io::ErrorKind::PermissionDenied => self.reply(550, "That is not allowed.").await,
            kind => self.reply(550, format!("That cannot be done: {kind}.")).await,
        }
    }

    async fn reply(&mut self, code: u16, text: impl Display) -> Step {
        self.control.reply(code, text).await?;
        Ok(Next::Command)
    }

    async fn end(&mut self, code: u16, text: &str) -> Step {
        self.passive.end_reservation();
        self.control.reply(code, text).await?;
        Ok(Next::Close)
    }
}

/// The commands that need a login.
const KNOWN: [&str; 23] = [
    "APPE", "CDUP", "CWD", "DELE", "EPRT", "EPSV", "LIST", "MDTM", "MKD", "MODE", "NLST", "PASV",
    "PORT", "PWD", "REST", "RETR", "RMD", "RNFR", "RNTO", "SIZE", "STOR", "STRU", "TYPE",
];

/// A path as 257 names it (RFC 959, appendix II).
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('"', "\"\""))
}

/// Does `work`, unless the client aborts it or is gone, or the server shuts down (`stop`).
async fn unless_interrupted<T>(
    control: &mut Control,
    stop: Option<&CancellationToken>,
    work: impl Future<Output = T>,
) -> Result<T, Interrupt> {
    let stopped = async {
        match stop {
            Some(stop) => stop.cancelled().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        done = work => Ok(done),
        interrupt = control.interrupted() => Err(interrupt),
        () = stopped => Err(Interrupt::ShuttingDown),
    }
}
