//! Any bytes as what a client does in a session: commands in any order, data connections between
//! them, and an end anywhere.
//!
//! A real server runs for all runs. The first byte says whether the session ends with `QUIT` or in
//! the middle of a line. Behind it each line is a command, but one that begins with `>` makes a data
//! connection to the port that was named last, and sends the rest of the line.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use mux_core::Mux;
use muxftpd::config::options::Options;
use muxftpd::server::Listener;
use muxftpd::session::telnet;
use muxftpd::setup::Checked;
use tokio::runtime::Runtime;

/// More only takes longer: lines of a session, and bytes of a line.
const MAX_LINES: usize = 40;
const MAX_LINE: usize = 4000;
/// Against hanging.
const HANG: Duration = Duration::from_secs(60);
/// For so long a client waits for the reply that names a port.
const PORT_TIMEOUT: Duration = Duration::from_millis(20);

struct Target {
    control: SocketAddr,
    mux: Mux,
    _runtime: Runtime,
}

/// Runs a session, and counts its replies.
///
/// # Panics
///
/// If a command has none or several, the server does not answer at all, or something stays reserved.
pub fn run(bytes: &[u8]) {
    static TARGET: OnceLock<Target> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let target = TARGET.get_or_init(start);

    let Some((how, script)) = bytes.split_first() else { return };
    let mut client = Client::connect(target.control);
    for line in script.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let line = &line[..line.len().min(MAX_LINE)];
        match line.strip_prefix(b">") {
            Some(bytes) => client.open_data_connection(bytes),
            None => client.say(line),
        }
    }
    if how % 2 == 0 {
        client.quit();
    } else {
        // In the middle of a line, and of whatever else is under way.
        let _ = client.control.write_all(b"RETR fil");
        drop(client);
    }
    let given_up = Instant::now() + HANG;
    while target.mux.stats().pending > 0 {
        assert!(Instant::now() < given_up, "something stays reserved");
        sleep(Duration::from_millis(1));
    }
}

/// Starts the server, on free ports.
fn start() -> Target {
    let runtime = Runtime::new().expect("a runtime");
    // It lasts as long as the process.
    let root = std::env::temp_dir().join(format!("mux-fuzz-session-{}", std::process::id()));
    std::fs::create_dir_all(root.join("directory")).expect("a directory");
    std::fs::write(root.join("file"), "one\ntwo\n").expect("a file");
    let held: Vec<_> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let port =
        |listener: &TcpListener| listener.local_addr().expect("an address").port().to_string();
    let ports = held.iter().map(port).collect::<Vec<_>>().join(",");
    drop(held);
    let root = root.to_str().expect("a path in UTF-8");
    let options = Options::parse_from([
        "muxftpd",
        "--writable",
        "--root",
        root,
        "--listen=127.0.0.1:0",
        "--passive-ports",
        &ports,
        "--reservation-ttl=50ms",
        "--wait=0s",
        "--max-login-failures=0",
    ]);
    let ready = runtime.block_on(async {
        let checked = Checked::new(&options).await.expect("all is right");
        checked.bind(&options).await.expect("the ports are free")
    });
    let control = ready.control[0].address;
    let listeners = ready
        .control
        .into_iter()
        .map(|control| Listener { listener: control.listener, implicit_tls: control.implicit_tls });
    let listeners: Vec<_> = listeners.collect();
    // It is never shut down.
    runtime.spawn(ready.server.serve(listeners, Default::default()));
    Target { control, mux: ready.mux, _runtime: runtime }
}

struct Client {
    control: TcpStream,
    /// What was read, all of it.
    read: Vec<u8>,
    data: Vec<TcpStream>,
    said: usize,
    /// Whether it may have said `QUIT` already.
    may_have_quit: bool,
}

impl Client {
    fn connect(to: SocketAddr) -> Self {
        let control = TcpStream::connect(to).expect("the server listens");
        control.set_read_timeout(Some(HANG)).expect("a socket takes a timeout");
        let mut client =
            Self { control, read: Vec::new(), data: Vec::new(), said: 0, may_have_quit: false };
        client.say(b"USER anonymous");
        client.say(b"PASS x");
        client
    }

    fn say(&mut self, line: &[u8]) {
        // As the server reads it.
        let meant = telnet::line(line).to_ascii_uppercase();
        // Another user's login takes a second.
        let line = if meant.windows(4).any(|word| word == b"USER") { b"USER ftp" } else { line };
        self.may_have_quit |= meant.windows(4).any(|word| word == b"QUIT");
        self.said += 1;
        // After a QUIT nobody reads it.
        let _ = self.control.write_all(&[line, b"\r\n"].concat());
    }

    /// Connects to the port of the last reply that names one.
    fn open_data_connection(&mut self, bytes: &[u8]) {
        self.control.set_read_timeout(Some(PORT_TIMEOUT)).expect("a socket takes a timeout");
        while self.receive().is_ok_and(|length| length > 0) {}
        self.control.set_read_timeout(Some(HANG)).expect("a socket takes a timeout");
        let Some(port) = self.read.split(|byte| *byte == b'\n').rev().find_map(port) else {
            return;
        };
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return };
        let _ = stream.write_all(bytes);
        self.data.push(stream);
    }

    /// Ends the session as clients should.
    fn quit(mut self) {
        for data in &self.data {
            // An upload ends here.
            let _ = data.shutdown(Shutdown::Write);
        }
        self.say(b"QUIT");
        let ended = loop {
            match self.receive() {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() == io::ErrorKind::ConnectionReset,
            }
        };
        let text = String::from_utf8_lossy(&self.read);
        assert!(ended, "no answer to the last command: {text}");
        let codes = final_codes(&self.read);
        // The greeting answers no command.
        let answered = codes.len() - 1;
        if self.may_have_quit {
            assert!(answered <= self.said, "too many replies: {text}");
        } else {
            assert_eq!(answered, self.said, "one reply to each command: {text}");
            assert_eq!(codes.last(), Some(&221), "{text}");
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut piece = [0; 4096];
        let length = self.control.read(&mut piece)?;
        self.read.extend_from_slice(&piece[..length]);
        Ok(length)
    }
}

/// The port that a line names, if it is a 227 or a 229.
fn port(line: &[u8]) -> Option<u16> {
    let text = str::from_utf8(line).ok()?.trim_end();
    if let Some(text) = text.strip_prefix("229 ") {
        return text.split('|').rev().nth(1)?.parse().ok();
    }
    let mut numbers = text.strip_prefix("227 ")?.trim_end_matches(')').rsplit(',');
    let (low, high) = (numbers.next()?.parse::<u8>().ok()?, numbers.next()?.parse::<u8>().ok()?);
    Some(u16::from_be_bytes([high, low]))
}

/// The codes of all replies but those that announce another.
fn final_codes(bytes: &[u8]) -> Vec<u16> {
    let mut codes = Vec::new();
    let mut open: Option<&[u8]> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let (Some(code), Some(sign)) = (line.get(..3), line.get(3)) else { continue };
        let ends = *sign == b' ' && open.is_none_or(|first| first == code);
        match (ends, sign) {
            (true, _) => {
                open = None;
                let code = str::from_utf8(code).ok().and_then(|code| code.parse::<u16>().ok());
                codes.extend(code.filter(|code| *code >= 200));
            }
            (false, b'-') if open.is_none() => open = Some(code),
            _ => {}
        }
    }
    codes
}
