//! The program while nobody reads its log.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A hang guard, not a measure.
const GUARD: Duration = Duration::from_secs(60);

/// Sessions that the log is filled with, at most.
const MAX_SESSIONS: usize = 5000;

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server whose standard error is a pipe, and what it printed until it was ready.
struct Server {
    child: Child,
    screen: String,
}

impl Server {
    fn start(root: &Path, options: &[&str]) -> Self {
        let ports = free_port().to_string();
        let child = Command::new(env!("CARGO_BIN_EXE_muxftpd"))
            .env_remove("RUST_LOG")
            .arg("--root")
            .arg(root)
            .args(["--listen", "127.0.0.1:0", "--metrics", "0", "--passive-ports", &ports])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut screen = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        while !screen.ends_with("ready\n") {
            assert_ne!(stdout.read_line(&mut screen).unwrap(), 0, "{screen}");
        }
        Self { child, screen }
    }

    fn address_after(&self, label: &str) -> SocketAddr {
        let line = self.screen.lines().find_map(|line| line.trim().strip_prefix(label)).unwrap();
        let line = line.trim().trim_start_matches("http://").trim_end_matches("/metrics");
        line.parse().unwrap()
    }

    /// Logs in anonymously and leaves. Every reply must come.
    fn serve_one(&self) {
        let control = TcpStream::connect(self.address_after("control")).unwrap();
        control.set_read_timeout(Some(GUARD)).unwrap();
        let mut replies = BufReader::new(control.try_clone().unwrap());
        let mut control = control;
        let commands = ["", "USER anonymous\r\n", "PASS x\r\n", "PWD\r\n", "QUIT\r\n"];
        for (command, code) in commands.into_iter().zip(["220", "331", "230", "257", "221"]) {
            control.write_all(command.as_bytes()).unwrap();
            let mut reply = String::new();
            replies.read_line(&mut reply).unwrap();
            assert!(reply.starts_with(code), "{command}: {reply}");
        }
    }

    fn lines_dropped(&self) -> u64 {
        let mut stream = TcpStream::connect(self.address_after("metrics")).unwrap();
        stream.set_read_timeout(Some(GUARD)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix("muxftpd_log_lines_dropped_total "));
        line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }

    /// Serves sessions until lines were dropped, without reading the log.
    fn fill_the_log(&self) {
        for sessions in 0..MAX_SESSIONS {
            self.serve_one();
            if sessions % 100 == 0 && self.lines_dropped() > 0 {
                return;
            }
        }
        panic!("no line was dropped");
    }

    fn terminate(&self) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
    }

    /// Waits for the end.
    fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        while start.elapsed() < GUARD {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nothing_and_says_later_what_was_lost() {
    let root = tempfile::tempdir().unwrap();
    let mut server = Server::start(root.path(), &["--log-level", "trace"]);
    server.fill_the_log();
    for _ in 0..10 {
        server.serve_one();
    }
    // Now somebody reads.
    let mut log = BufReader::new(server.child.stderr.take().unwrap());
    let start = Instant::now();
    loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the log ended");
        if line.contains("log lines lost") {
            break;
        }
        assert!(start.elapsed() < GUARD, "nothing was said");
    }
    let rest = thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    server.serve_one();
    server.terminate();
    assert!(server.ended().success());
    // What came last is there, too.
    let rest = rest.join().unwrap();
    assert!(rest.contains(" session "), "{rest}");
}

#[test]
fn it_ends_although_nobody_reads_its_log() {
    let root = tempfile::tempdir().unwrap();
    let mut server = Server::start(root.path(), &["--log-level", "trace"]);
    server.fill_the_log();
    server.terminate();
    assert!(server.ended().success());
}
