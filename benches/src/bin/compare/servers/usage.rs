//! What a process has used.

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::time::Duration;
use std::{fs, io};

/// The processor time of a process so far, in user and system mode, with that of its finished
/// threads. The kernel counts it in nanoseconds, not in ticks.
pub(super) fn cpu_time(process: Pid) -> io::Result<Duration> {
    Ok(clock_getcpuclockid(process)?.now()?.into())
}

/// The most memory that a process has had resident, in KiB.
pub(super) fn peak_rss(process: Pid) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
