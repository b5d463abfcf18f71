//! Logs on standard error.

use clap::ValueEnum;
use std::env;
use std::io;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// libunftp reports what any client can provoke, a reset connection say, as warnings and errors,
/// and formats the whole command for each of its spans. It is silent unless it is asked for.
const SILENT: &str = "libunftp=off,unftp_sbe_fs=off";

/// Starts logging as `--log-level` says, or else `RUST_LOG`, or else from `info` up. Returns the
/// logger that libunftp is to be given.
pub fn start(level: Option<&str>, format: Format) -> Result<Option<slog::Logger>, String> {
    let from_environment = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let (origin, directives) = match (level, from_environment) {
        (Some(level), _) => ("--log-level", level.to_owned()),
        (None, Some(directives)) => ("RUST_LOG", directives),
        (None, None) => ("", "info".to_owned()),
    };
    let filter = filter(&directives)
        .map_err(|error| format!("{directives:?} in {origin} is not a log filter: {error}"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        Format::Text => subscriber.with_ansi(io::stderr().is_terminal()).init(),
        Format::Json => subscriber.json().with_current_span(false).with_span_list(false).init(),
    }
    Ok(libunftp_logger(&directives))
}

fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(format!("info,{SILENT},{directives}"))
}

/// The logger for libunftp: its own where the filter names libunftp, or else one that does not
/// even format the records.
fn libunftp_logger(directives: &str) -> Option<slog::Logger> {
    let discard = || slog::Logger::root(slog::Discard, slog::o!());
    (!directives.contains("libunftp")).then(discard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libunftp_is_silent_unless_it_is_named() {
        for directives in ["info", "debug", "trace,mux_core=off"] {
            let text = filter(directives).unwrap().to_string();
            assert!(text.contains("libunftp=off"), "{text}");
            assert!(libunftp_logger(directives).is_some());
        }
        let text = filter("debug,libunftp=warn").unwrap().to_string();
        assert!(text.contains("libunftp=warn") && !text.contains("libunftp=off"), "{text}");
        assert!(libunftp_logger("debug,libunftp=warn").is_none());
    }

    #[test]
    fn a_wrong_filter_is_an_error() {
        assert!(filter("mux_core=loud").is_err());
    }
}
