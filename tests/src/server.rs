//! A server of one's own.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::guard::{self, HANG};
use crate::launch::{Failure, Given};
use crate::passive_ports::Ports;
use crate::permit::Permit;
use crate::process::Process;
use crate::program::Program;
use crate::sockets;

/// What a server that was started has come to.
#[derive(Debug)]
pub(crate) enum Event {
    /// It has said that it is ready.
    Ready,
    /// It has closed its output.
    Ended,
}

/// A running server. Dropping it kills it; when that is because a test failed, what the server
/// said is printed.
#[derive(Debug)]
pub struct Server {
    program: Program,
    child: Child,
    given: Given,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    _permit: Arc<Permit>,
}

impl Server {
    #[track_caller]
    pub(crate) fn spawn(
        program: Program,
        mut command: Command,
        given: Given,
    ) -> (Self, Receiver<Event>) {
        let permit = Permit::obtain();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?} cannot be run: {error}"),
        };
        let (sender, events) = mpsc::channel();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        collect(child.stdout.take().expect("it is piped"), Arc::clone(&stdout), Some(sender));
        collect(child.stderr.take().expect("it is piped"), Arc::clone(&stderr), None);
        let server = Self { program, child, given, stdout, stderr, _permit: permit };
        (server, events)
    }

    /// Waits until it has given up.
    #[track_caller]
    pub(crate) fn gives_up(mut self, events: &Receiver<Event>) -> Failure {
        let event = events.recv_timeout(HANG);
        assert!(matches!(event, Ok(Event::Ended)), "should not start:\n{}", self.said());
        let status = self.wait();
        // Then nothing more can come.
        guard::eventually("its output has ended", || Arc::strong_count(&self.stderr) == 1);
        Failure { status, stderr: text(&self.stderr) }
    }

    /// Which program it is.
    #[must_use]
    pub fn program(&self) -> Program {
        self.program
    }

    /// Its passive ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.given.ports
    }

    /// The directory it serves.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.given.root
    }

    /// The certificate of the authority that its own certificate comes from.
    ///
    /// # Panics
    ///
    /// When it was given none.
    #[must_use]
    #[track_caller]
    pub fn authority(&self) -> &Path {
        self.given.authority.as_deref().expect("a server with a certificate")
    }

    /// Puts a file into the directory it serves.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[track_caller]
    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.given.root.join(name), bytes).expect("a file can be written");
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
        let passive: BTreeSet<u16> = self.ports().set();
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

    /// Stops it where it is, until it gets SIGCONT. It does nothing more when this returns.
    ///
    /// # Panics
    ///
    /// When it does not stop within [`HANG`].
    #[track_caller]
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        guard::eventually("the server has stopped", || self.process().is_stopped());
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
    pub(crate) fn kill(&mut self) {
        if env::var_os("LLVM_PROFILE_FILE").is_some() {
            self.ask_to_end();
        }
        let _ = self.child.kill();
        let killed = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if killed.elapsed() > HANG {
                eprintln!("{} (process {}) survives SIGKILL", self.program, self.child.id());
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets it end in order, if it does so within two seconds: a program that counts which of its
    /// lines run writes that down at its end.
    fn ask_to_end(&mut self) {
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            self.signal(Signal::SIGTERM);
            thread::sleep(Duration::from_millis(20));
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
            eprintln!("{} said, at the end:\n{}", self.program, lines[last..].join("\n"));
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
