//! What it was measured on.

use serde::Serialize;
use std::fmt;
use std::fs;
use std::thread::available_parallelism;

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    processors: usize,
    model: String,
    kernel: String,
    memory_gib: u64,
    /// How many were ready to run in the minute before the report was written.
    load: String,
}

impl Machine {
    pub(super) fn look() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let unknown = || "unknown".to_owned();
        let kib = after(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        // The version proper: what follows it names the kernel's builder.
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            processors: available_parallelism().map_or(0, usize::from),
            model: after(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            kernel: kernel.split('-').next().unwrap_or_default().trim().to_owned(),
            memory_gib: kib.unwrap_or(0).div_ceil(1 << 20),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, model, kernel, memory_gib, load } = self;
        write!(
            f,
            "{processors} processors ({model}), {memory_gib} GiB of memory, Linux {kernel}, load {load}"
        )
    }
}
