//! All that was seen of a server, and the file it is written to.

use crate::sample::Sample;
use mux_tests::Program;
use std::error::Error;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) program: Program,
    samples: Mutex<Vec<Sample>>,
}

#[derive(serde::Serialize)]
struct Row {
    server: &'static str,
    seconds: f64,
    descriptors: u64,
    memory_kib: u64,
    threads: u64,
    pending: Option<u64>,
    p50_ms: f64,
    p99_ms: f64,
}

impl Record {
    pub(crate) fn new(program: Program) -> Self {
        Self { program, samples: Mutex::default() }
    }

    pub(crate) fn keep(&self, samples: Vec<Sample>) {
        *self.samples.lock().unwrap_or_else(PoisonError::into_inner) = samples;
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes all samples as CSV.
pub(crate) fn write(file: &Path, records: &[&Record]) -> Result<(), Box<dyn Error>> {
    let mut writer = csv::Writer::from_path(file)?;
    for record in records {
        for sample in record.samples() {
            writer.serialize(Row {
                server: record.program.name(),
                seconds: sample.seconds,
                descriptors: sample.descriptors,
                memory_kib: sample.memory,
                threads: sample.threads,
                pending: sample.pending,
                p50_ms: sample.p50,
                p99_ms: sample.p99,
            })?;
        }
    }
    writer.flush()?;
    Ok(())
}
