//! What a process has used.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::time::Duration;
use std::{fs, io};

/// The processor time of a process so far, in user and system mode, with that of its finished
/// threads. The kernel counts it in nanoseconds, not in ticks.
pub(crate) fn cpu_time(process: Pid) -> io::Result<Duration> {
    Ok(clock_getcpuclockid(process)?.now()?.into())
}

/// The same of this process.
pub(crate) fn own_cpu_time() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let microseconds = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(u64::try_from(microseconds).unwrap_or(0)))
}

/// The most memory that a process has had resident, in KiB.
pub(crate) fn peak_rss(process: Pid) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
