//! What is seen of a server at one moment.

use crate::pending;
use mux_tests::process::Process;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// One look at a server.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) seconds: f64,
    pub(crate) descriptors: u64,
    /// Resident, in KiB.
    pub(crate) memory: u64,
    pub(crate) threads: u64,
    /// Reservations, where the server tells.
    pub(crate) pending: Option<u64>,
    /// Of a small download since the look before, from the passive command to the final reply, in
    /// milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The median and the 99th percentile, in milliseconds.
pub(crate) type Latency = (f64, f64);

/// Looks at a server that tells its pending reservations at `told_at`.
pub(crate) fn take(
    process: Process,
    told_at: Option<SocketAddr>,
    at: Duration,
    (p50, p99): Latency,
) -> io::Result<Sample> {
    let seconds = at.as_secs_f64();
    let pending = told_at.map(pending::ask).transpose()?;
    let descriptors = process.descriptors() as u64;
    let (memory, threads) = (process.memory(), process.threads());
    Ok(Sample { seconds, descriptors, memory, threads, pending, p50, p99 })
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} descriptors, {:.1} MiB, {} threads, p50 {:.1} ms, p99 {:.1} ms",
            self.descriptors,
            self.memory as f64 / 1024.0,
            self.threads,
            self.p50,
            self.p99
        )?;
        match self.pending {
            Some(pending) => write!(f, ", {pending} pending"),
            None => Ok(()),
        }
    }
}
