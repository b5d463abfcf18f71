//! A running process seen from outside, through `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use crate::sockets;

/// A process by its number.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

impl Process {
    /// The process with this number.
    #[must_use]
    pub fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// How many descriptors it has open.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    #[must_use]
    #[track_caller]
    pub fn descriptors(self) -> usize {
        let path = format!("/proc/{}/fd", self.0);
        fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}")).count()
    }

    /// Lowers its limit on descriptors so that it gets no new one, whatever it gives back later is
    /// used again. Ends with what is returned.
    ///
    /// # Panics
    ///
    /// When the process is gone, or there is no `prlimit`.
    #[must_use = "descriptors are to be had again when it is dropped"]
    #[track_caller]
    pub fn without_descriptors(self) -> Shortage {
        let open = |number: &u32| fs::exists(format!("/proc/{}/fd/{number}", self.0)).unwrap();
        let before = self.prlimit(&["--output=SOFT", "--noheadings", "--nofile"]);
        let first_free = (0..).find(|number| !open(number)).expect("some number is free");
        self.prlimit(&[&format!("--nofile={first_free}:")]);
        Shortage { process: self, before: before.trim().to_owned() }
    }

    fn prlimit(self, arguments: &[&str]) -> String {
        let mut prlimit = Command::new("prlimit");
        let output = prlimit.arg(format!("--pid={}", self.0)).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("prlimit: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Processor time it has used so far, in clock ticks (a hundredth of a second).
    ///
    /// # Panics
    ///
    /// When the process is gone.
    #[must_use]
    #[track_caller]
    pub fn ticks(self) -> u64 {
        let path = format!("/proc/{}/stat", self.0);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        // The name stands in parentheses and may hold anything; utime and stime are the 12th and
        // 13th fields after it.
        let (_, fields) = text.rsplit_once(')').expect("a name in parentheses");
        let times = fields.split_whitespace().skip(11).take(2);
        times.map(|time| time.parse::<u64>().expect("a number of ticks")).sum()
    }

    /// How much of its memory is resident, in KiB.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    #[must_use]
    #[track_caller]
    pub fn memory(self) -> u64 {
        self.status("VmRSS:")
    }

    /// How many threads it has.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    #[must_use]
    #[track_caller]
    pub fn threads(self) -> u64 {
        self.status("Threads:")
    }

    #[track_caller]
    fn status(self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.0);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("{path} has no {name}"))
    }

    /// Whether every thread sleeps, which is to say that the process waits for something.
    #[must_use]
    pub fn sleeps(self) -> bool {
        self.every_thread_is('S')
    }

    /// Whether every thread was stopped by a signal and has got there.
    #[must_use]
    pub fn is_stopped(self) -> bool {
        self.every_thread_is('T')
    }

    fn every_thread_is(self, state: char) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.0)) else { return false };
        threads.flatten().all(|thread| {
            let text = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // A thread that ended since the directory was read has no text, and does nothing.
            text.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(state))
        })
    }

    /// Every address it listens on.
    #[must_use]
    pub fn listens_on(self) -> BTreeSet<SocketAddr> {
        let held = self.socket_inodes();
        let sockets = sockets::all().into_iter();
        let own = sockets.filter(|socket| socket.listens && held.contains(&socket.inode));
        own.map(|socket| socket.local).collect()
    }

    fn socket_inodes(self) -> BTreeSet<u64> {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", self.0)) else {
            return BTreeSet::new();
        };
        descriptors
            .flatten()
            .filter_map(|descriptor| {
                let target = fs::read_link(descriptor.path()).ok()?;
                let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                inode.parse().ok()
            })
            .collect()
    }
}

/// A process that gets no new descriptor, until this is dropped.
#[derive(Debug)]
pub struct Shortage {
    process: Process,
    /// The limit that it had.
    before: String,
}

impl Drop for Shortage {
    fn drop(&mut self) {
        self.process.prlimit(&[&format!("--nofile={}:", self.before)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::process;

    #[test]
    fn this_process_is_seen() {
        let this = Process::new(process::id());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(this.listens_on().contains(&listener.local_addr().unwrap()));
        assert!(this.descriptors() > 3);
        assert!(this.ticks() < u64::MAX);
        assert!(this.memory() > 100 && this.threads() > 0);
        assert!(!this.sleeps(), "the thread that asks is awake");
    }
}
