//! The command line.

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// How often at least it says how far it is.
const TOLD: Duration = Duration::from_secs(60);
/// How many samples there are.
const SAMPLES: u32 = 360;

/// Runs muxftpd, and a server on libunftp, under a mixed load and fails when anything grows
///
/// Descriptors, memory, threads and latency are sampled, written down and drawn. The last third of
/// the time is compared with the second.
#[derive(Debug, Parser)]
#[command(name = "soak", version)]
pub(crate) struct Options {
    /// How long, such as 3m or 1h
    #[arg(value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Duration,

    /// Where the picture and the samples go; made if it is not there
    #[arg(long, value_name = "DIRECTORY", default_value = "target/soak")]
    pub(crate) output: PathBuf,
}

impl Options {
    /// How often a sample is taken.
    pub(crate) fn every(&self) -> Duration {
        self.duration / SAMPLES
    }

    /// How often it says how far it is.
    pub(crate) fn told(&self) -> Duration {
        TOLD.min(self.duration / 10)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_secs(10) {
        return Err("at least 10s, or there is nothing to compare".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Options::command().debug_assert();
        assert!(Options::try_parse_from(["soak", "9s"]).is_err());
        let options = Options::parse_from(["soak", "1h"]);
        assert_eq!(options.every(), Duration::from_secs(10));
    }
}
