//! What a server has used: its process, and those that it has started for its sessions.

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::time::Duration;
use std::{fs, io};

/// The processor time so far, in user and system mode, with that of finished threads. The kernel
/// counts it in nanoseconds, not in ticks. What has ended does not count any more: sessions last
/// longer than a measurement.
pub(super) fn cpu_time(server: Pid) -> io::Result<Duration> {
    let processes = family(server)?;
    // One that ends meanwhile has done nothing.
    let time = |process: Pid| Some(Duration::from(clock_getcpuclockid(process).ok()?.now().ok()?));
    Ok(processes.into_iter().filter_map(time).sum())
}

/// The most memory that the processes have had resident, in KiB, added up: pages that they share
/// count for each.
pub(super) fn peak_rss(server: Pid) -> io::Result<u64> {
    Ok(family(server)?.into_iter().filter_map(|process| peak_rss_of(process).ok()).sum())
}

/// A process and all that descend from it.
fn family(of: Pid) -> io::Result<Vec<Pid>> {
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        next += 1;
        let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for thread in threads {
            let children = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
            let children = children.split_whitespace().filter_map(|child| child.parse().ok());
            found.extend(children.map(Pid::from_raw));
        }
    }
    Ok(found)
}

fn peak_rss_of(process: Pid) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
