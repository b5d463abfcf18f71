//! Standard output and standard error, which may be pipes that nobody reads.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long the program waits for somebody to read.
const READER_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints `text`, and waits for a moment until it is written.
pub fn print(text: String) {
    in_bounded_time(move || {
        let mut stdout = io::stdout().lock();
        // Nobody reads it: no reason not to serve.
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    });
}

/// Writes each line of `message` to standard error, with the name of the program.
pub fn complain(message: &str) {
    let text: String = message.lines().map(|line| format!("muxftpd: {line}\n")).collect();
    in_bounded_time(move || {
        let _ = io::stderr().write_all(text.as_bytes());
    });
}

/// Does `work` on a thread of its own, and waits for its end, but not for ever.
pub fn in_bounded_time(work: impl FnOnce() + Send + 'static) {
    let (working, ended) = mpsc::channel::<()>();
    let thread = thread::Builder::new().spawn(move || {
        work();
        drop(working);
    });
    if thread.is_ok() {
        // Nothing is sent: the channel is closed at the end of the work.
        let _ = ended.recv_timeout(READER_TIMEOUT);
    }
}
