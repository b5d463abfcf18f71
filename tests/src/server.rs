//! A `muxftpd` of one's own.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::guard::{self, HANG};
use crate::passive_ports::Ports;
use crate::process::Process;
use crate::{address, binary, sockets};

/// What to start a server with.
#[derive(Debug, Clone)]
pub struct Launch {
    ports: Ports,
    listen: Vec<String>,
    root: Option<PathBuf>,
    options: Vec<OsString>,
    descriptors: Option<u32>,
}

impl Launch {
    /// A server on 127.0.0.1 with these passive ports.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self {
            ports: ports.clone(),
            listen: vec![format!("{}:0", address::SERVER)],
            root: None,
            options: Vec::new(),
            descriptors: None,
        }
    }

    /// Also listens on the IPv6 loopback address.
    #[must_use]
    pub fn and_ipv6(mut self) -> Self {
        self.listen.push(format!("[{}]:0", address::ipv6()));
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
                panic!("muxftpd is not ready ({event:?}):\n{}", server.said());
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
        let private = TempDir::new().expect("a temporary directory can be made");
        let root = self.root.unwrap_or_else(|| private.path().to_owned());
        let mut command = match self.descriptors {
            None => Command::new(binary::path()),
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
                shell.arg(binary::path());
                shell
            }
        };
        command.arg("--root").arg(&root).args(["--passive-ports", &self.ports.spec()]);
        for address in &self.listen {
            command.args(["--listen", address]);
        }
        command.args(&self.options).env_remove("RUST_LOG");
        Server::spawn(command, self.ports, root, private)
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

/// Runs `muxftpd` with these arguments, which must make it give up by itself.
///
/// # Panics
///
/// When it becomes ready, or does not end within [`HANG`].
#[must_use]
#[track_caller]
pub fn refuses(arguments: &[&str]) -> Failure {
    let mut command = Command::new(binary::path());
    command.args(arguments).env_remove("RUST_LOG");
    let private = TempDir::new().expect("a temporary directory can be made");
    let root = private.path().to_owned();
    let (server, events) = Server::spawn(command, Ports::consecutive(1), root, private);
    server.gives_up(&events)
}

#[derive(Debug)]
enum Event {
    Ready,
    Ended,
}

/// A running server. Dropping it kills it; when that is because a test failed, what the server
/// said is printed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    ports: Ports,
    root: PathBuf,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    _private: TempDir,
}

impl Server {
    #[track_caller]
    fn spawn(
        mut command: Command,
        ports: Ports,
        root: PathBuf,
        private: TempDir,
    ) -> (Self, Receiver<Event>) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?} cannot be run: {error}"),
        };
        let (sender, events) = mpsc::channel();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        collect(child.stdout.take().expect("it is piped"), Arc::clone(&stdout), Some(sender));
        collect(child.stderr.take().expect("it is piped"), Arc::clone(&stderr), None);
        (Self { child, ports, root, stdout, stderr, _private: private }, events)
    }

    /// Waits until it has given up.
    #[track_caller]
    fn gives_up(mut self, events: &Receiver<Event>) -> Failure {
        let event = events.recv_timeout(HANG);
        assert!(matches!(event, Ok(Event::Ended)), "should not start:\n{}", self.said());
        let status = self.wait();
        // Then nothing more can come.
        guard::eventually("its output has ended", || Arc::strong_count(&self.stderr) == 1);
        Failure { status, stderr: text(&self.stderr) }
    }

    /// Its passive ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The directory it serves.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Puts a file into the directory it serves.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[track_caller]
    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.root.join(name), bytes).expect("a file can be written");
    }

    /// All control addresses, as the start screen gives them.
    #[must_use]
    pub fn controls(&self) -> Vec<SocketAddr> {
        let screen = text(&self.stdout);
        let lines = screen.lines().filter_map(|line| line.strip_prefix("  control "));
        lines.flat_map(str::split_whitespace).filter_map(|word| word.parse().ok()).collect()
    }

    /// The IPv4 control address.
    ///
    /// # Panics
    ///
    /// When the start screen shows none.
    #[must_use]
    #[track_caller]
    pub fn control(&self) -> SocketAddr {
        let address = self.controls().into_iter().find(SocketAddr::is_ipv4);
        address.unwrap_or_else(|| panic!("no IPv4 control address in:\n{}", self.said()))
    }

    /// The IPv6 control address.
    ///
    /// # Panics
    ///
    /// When the start screen shows none.
    #[must_use]
    #[track_caller]
    pub fn control_ipv6(&self) -> SocketAddr {
        let address = self.controls().into_iter().find(SocketAddr::is_ipv6);
        address.unwrap_or_else(|| panic!("no IPv6 control address in:\n{}", self.said()))
    }

    /// The process, to be looked at from outside.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Returns once the server has accepted and read all that was sent to it, and every thread of
    /// it waits for more: whatever it does about that without a clock, it has done.
    ///
    /// # Panics
    ///
    /// When it does not come to rest within [`HANG`].
    #[track_caller]
    pub fn settle(&self) {
        let passive: BTreeSet<u16> = self.ports.set();
        let mut own = passive.clone();
        own.extend(self.controls().iter().map(SocketAddr::port));
        let process = self.process();
        let rests = || {
            // Looked at more than once, because a thread may just be on its way to the next.
            thread::sleep(Duration::from_millis(2));
            process.sleeps()
        };
        guard::eventually("the server has come to rest", || {
            // A data connection that no command has used yet is not read, so its end (which
            // counts as a byte) is not either.
            let unused = |row: &sockets::Socket| {
                row.half_closed && row.unread == 1 && passive.contains(&row.local.port())
            };
            let quiet = |row: &sockets::Socket| row.inode == 0 || row.unread == 0 || unused(row);
            process.sleeps()
                && self.sockets().iter().all(|row| !own.contains(&row.local.port()) || quiet(row))
                && (0..3).all(|_| rests())
        });
    }

    /// Returns once the server no longer has a control connection that comes from any of `peers`,
    /// and has done what follows from that.
    ///
    /// # Panics
    ///
    /// When it keeps one for [`HANG`].
    #[track_caller]
    pub fn until_gone(&self, peers: &[SocketAddr]) {
        let controls = self.controls();
        guard::eventually("the server has closed a control connection", || {
            // A socket that no process holds any more has no inode.
            let held = |row: &sockets::Socket| row.inode != 0 && controls.contains(&row.local);
            !self.sockets().iter().any(|row| held(row) && peers.contains(&row.remote))
        });
        self.settle();
    }

    /// The kernel's TCP sockets, of the families it serves.
    fn sockets(&self) -> Vec<sockets::Socket> {
        if self.controls().iter().all(SocketAddr::is_ipv4) {
            sockets::ipv4()
        } else {
            sockets::all()
        }
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// When it has ended already.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        signal::kill(pid, signal).expect("a running server can be signalled");
    }

    /// Whether it still runs.
    ///
    /// # Panics
    ///
    /// When its state cannot be read.
    #[must_use]
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it does not end within [`HANG`].
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        guard::obtained("the server has ended", || {
            self.child.try_wait().expect("a child can be waited for")
        })
    }

    /// All it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        format!("stdout:\n{}\nstderr:\n{}", text(&self.stdout), text(&self.stderr))
    }

    /// Ends it, if it has not ended by itself. A process that not even SIGKILL ends, because it is
    /// stuck in the kernel, is left behind after [`HANG`] rather than holding up the test for ever.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let killed = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if killed.elapsed() > HANG {
                eprintln!("muxftpd (process {}) survives SIGKILL", self.child.id());
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            let last = lines.len().saturating_sub(120);
            eprintln!("muxftpd said, at the end:\n{}", lines[last..].join("\n"));
        }
    }
}

/// Collects what `from` says, so that the server never waits for a reader, and tells of `ready`
/// and of the end.
fn collect(
    from: impl Read + Send + 'static,
    into: Arc<Mutex<String>>,
    tell: Option<Sender<Event>>,
) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            into.push_str(&line);
            into.push('\n');
            drop(into);
            if line == "ready"
                && let Some(tell) = &tell
            {
                // Nobody may be listening any more.
                let _ = tell.send(Event::Ready);
            }
        }
        drop(into);
        if let Some(tell) = tell {
            let _ = tell.send(Event::Ended);
        }
    });
}

fn text(of: &Mutex<String>) -> String {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
