//! The server processes.

use super::client::{Client, Login};
use super::installed::{self, Start};
use super::kind::{Mechanism, ServerKind};
use super::setup::Setup;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, io};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; stopped when dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) kind: ServerKind,
    pub(super) address: SocketAddr,
    pub(super) login: Login,
    child: Child,
}

impl Server {
    /// Starts a server on `first_port` for control and the ports after it as passive ports, and
    /// waits until clients can log in.
    pub(super) fn start(kind: ServerKind, setup: &Setup, first_port: u16) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, first_port));
        let (first, last) = (first_port + 1, first_port + kind.ports);
        let ours = || {
            vec![
                format!("--listen={address}"),
                format!("--passive-ports={first}-{last}"),
                format!("--root={}", setup.root.display()),
                "--idle-timeout=1day".to_owned(),
                "--writable".to_owned(),
                "--log-level=error".to_owned(),
                format!("--tls-cert={}", setup.certificate.certificate.display()),
                format!("--tls-key={}", setup.certificate.key.display()),
            ]
        };
        let built = |program, arguments| Start { program, arguments, environment: Vec::new() };
        let start = match kind.mechanism {
            Mechanism::Mux => built(setup.muxftpd.clone(), ours()),
            Mechanism::Default | Mechanism::Pooled => built(
                env::current_exe()?,
                vec![
                    "peer".to_owned(),
                    kind.to_string(),
                    address.to_string(),
                    first.to_string(),
                    setup.root.display().to_string(),
                    setup.certificate.certificate.display().to_string(),
                    setup.certificate.key.display().to_string(),
                ],
            ),
            Mechanism::Earlier => built(setup.earlier.clone().unwrap_or_default(), ours()),
            _ => installed::start(kind, setup, address)?,
        };
        let program = &start.program;
        let mut command = Command::new(program);
        command.args(start.arguments).envs(start.environment);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if installed::is_chatty(kind.mechanism) {
            command.stderr(Stdio::null());
        }
        let child = command.spawn().map_err(|error| at(program, &error))?;
        let login = Login { user: installed::user(kind.mechanism), secure: None };
        let mut server = Self { kind, address, login, child };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            match Client::log_in(Ipv4Addr::LOCALHOST, self.address, self.login.clone()) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > give_up => return Err(error),
                Err(_) => sleep(Duration::from_millis(20)),
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{} did not start: {status}", self.kind)));
            }
        }
    }

    /// The server's process.
    pub(super) fn process(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill(self.process(), Signal::SIGTERM);
        let give_up = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > give_up {
                let _ = kill(self.process(), Signal::SIGKILL);
                let _ = self.child.wait();
            }
            sleep(Duration::from_millis(10));
        }
    }
}

fn at(program: &Path, error: &io::Error) -> io::Error {
    let hint = "build it with the same profile";
    io::Error::new(error.kind(), format!("cannot run {}: {error}; {hint}", program.display()))
}
