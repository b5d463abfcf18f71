//! The report: Markdown with pictures, and every figure as JSON.

mod machine;
mod markdown;
mod pictures;
mod targets;

use crate::effort::Effort;
use crate::samples::Samples;
use machine::Machine;
use serde::Serialize;
use std::error::Error;
use std::fs;
use std::path::Path;
use targets::Target;

#[derive(Serialize)]
struct Json<'a> {
    mode: &'a str,
    rounds: u32,
    machine: &'a Machine,
    targets: &'a [Target],
    samples: &'a Samples,
}

/// Writes everything to `directory`.
pub(crate) fn write(
    samples: &Samples,
    left_out: &[String],
    effort: &Effort,
    directory: &Path,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory).map_err(|error| {
        format!("cannot make {}: {error}; choose another --output", directory.display())
    })?;
    let machine = Machine::look();
    let targets = targets::all(samples);
    let pictures = pictures::draw(samples, directory)?;
    let text = markdown::text(samples, left_out, effort, &machine, &targets, &pictures);
    fs::write(directory.join("report.md"), text)?;
    let json = Json {
        mode: effort.name,
        rounds: effort.rounds,
        machine: &machine,
        targets: &targets,
        samples,
    };
    fs::write(directory.join("report.json"), serde_json::to_vec_pretty(&json)?)?;
    for line in left_out {
        println!("{line}");
    }
    for target in &targets {
        println!("{target}");
    }
    println!("the report is in {}", directory.join("report.md").display());
    Ok(())
}
