//! Starting servers.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::Receiver;

use not_checked::machine;
use tempfile::TempDir;

use crate::address;
use crate::certificate::Certificate;
use crate::guard::HANG;
use crate::passive_ports::Ports;
use crate::program::Program;
use crate::server::{Event, Server};
use crate::way::Security;

/// What to start a server with.
#[derive(Debug, Clone)]
pub struct Launch {
    program: Program,
    ports: Ports,
    listen: Vec<String>,
    root: Option<PathBuf>,
    options: Vec<OsString>,
    environment: Vec<(String, String)>,
    descriptors: Option<u32>,
    namespace: Option<PathBuf>,
    configured: bool,
    tls: bool,
}

impl Launch {
    /// A server on 127.0.0.1 with these passive ports.
    #[must_use]
    pub fn new(program: Program, ports: &Ports) -> Self {
        Self {
            program,
            ports: ports.clone(),
            listen: vec![format!("{}:0", address::SERVER)],
            root: None,
            options: Vec::new(),
            environment: Vec::new(),
            descriptors: None,
            namespace: None,
            configured: false,
            tls: false,
        }
    }

    /// Also listens on the IPv6 loopback address, where the machine has one.
    #[must_use]
    pub fn and_ipv6(mut self) -> Self {
        if machine::ipv6().is_ok() {
            self.listen.push(format!("[{}]:0", address::ipv6()));
        }
        self
    }

    /// Listens here instead.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = vec![address.to_string()];
        self
    }

    /// Serves this directory instead of a private one.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = Some(root.into());
        self
    }

    /// Adds an option without a value.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.options.push(name.into());
        self
    }

    /// Adds an option with its value.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.extend([name.into(), value.into()]);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does not say where to listen.
    #[must_use]
    pub fn without_listen(mut self) -> Self {
        self.listen.clear();
        self
    }

    /// Gives the server a certificate, so that clients may speak TLS, when `security` says so.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.tls = security == Security::Tls;
        self
    }

    /// Starts the server in the network namespace that this file stands for.
    #[must_use]
    pub fn in_namespace(mut self, file: impl Into<PathBuf>) -> Self {
        self.namespace = Some(file.into());
        self
    }

    /// Does not say where to listen, nor on which passive ports.
    #[must_use]
    pub fn configured_elsewhere(mut self) -> Self {
        self.listen.clear();
        self.configured = true;
        self
    }

    /// Listens where a configuration file says, on the passive ports that it names.
    #[must_use]
    pub fn config(self, file: &Path) -> Self {
        let mut this = self.configured_elsewhere();
        this.options.extend(["--config".into(), file.into()]);
        this
    }

    /// Starts the server with at most this many descriptors.
    #[must_use]
    pub fn with_descriptor_limit(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it is not ready within [`HANG`]; the message holds all it said.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Server {
        let (mut server, events) = self.spawn();
        match events.recv_timeout(HANG) {
            Ok(Event::Ready) => server,
            event => {
                server.kill();
                panic!("{} is not ready ({event:?}):\n{}", server.program(), server.said());
            }
        }
    }

    /// Starts a server that must give up by itself.
    ///
    /// # Panics
    ///
    /// When it becomes ready, or does not end within [`HANG`].
    #[must_use]
    #[track_caller]
    pub fn fail(self) -> Failure {
        let (server, events) = self.spawn();
        server.gives_up(&events)
    }

    #[track_caller]
    fn spawn(self) -> (Server, Receiver<Event>) {
        let mut given = Given::new(&self.ports);
        if let Some(root) = self.root {
            given.root = root;
        }
        let mut command = match (self.descriptors, &self.namespace) {
            (None, None) => Command::new(self.program.path()),
            (None, Some(file)) => {
                let mut enter = Command::new("nsenter");
                enter.arg(format!("--net={}", file.display())).arg(self.program.path());
                enter
            }
            (Some(most), _) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
                shell.arg(self.program.path());
                shell
            }
        };
        command.arg("--root").arg(&given.root);
        if !self.configured {
            command.args(["--passive-ports", &self.ports.spec()]);
        }
        for address in &self.listen {
            command.args(["--listen", address]);
        }
        if self.tls {
            let made = Certificate::in_directory(given.private.path());
            command.arg("--tls-cert").arg(made.certificate).arg("--tls-key").arg(made.key);
            given.authority = Some(made.authority);
        }
        command.args(&self.options).env_remove("RUST_LOG").envs(self.environment);
        Server::spawn(self.program, command, given)
    }
}

/// What a server was given: its own things, and what its clients must know of them.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) ports: Ports,
    pub(crate) root: PathBuf,
    pub(crate) authority: Option<PathBuf>,
    /// Gone with the server; an empty root and the certificate are in it.
    private: TempDir,
}

impl Given {
    fn new(ports: &Ports) -> Self {
        let private = TempDir::new().expect("a temporary directory can be made");
        let root = private.path().join("root");
        fs::create_dir(&root).expect("a directory can be made");
        Self { ports: ports.clone(), root, authority: None, private }
    }
}

/// How a server that gave up did so.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its exit status.
    pub status: ExitStatus,
    /// All it wrote to standard error.
    pub stderr: String,
}

/// Runs a server with these arguments, which must make it give up by itself.
///
/// # Panics
///
/// When it becomes ready, or does not end within [`HANG`].
#[must_use]
#[track_caller]
pub fn refuses(program: Program, arguments: &[&str]) -> Failure {
    let mut command = Command::new(program.path());
    command.args(arguments).env_remove("RUST_LOG");
    let (server, events) = Server::spawn(program, command, Given::new(&Ports::consecutive(1)));
    server.gives_up(&events)
}
