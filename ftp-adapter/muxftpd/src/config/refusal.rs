//! What is wrong with an option of the file or of the environment, in one sentence.
//!
//! Of the command line's, clap says it.

use crate::config::environment;
use crate::config::file::Config;
use crate::config::options::Options;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory as _};
use std::env;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};

/// Why an option is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub sentence: String,
    /// Else it is the environment's.
    pub is_of_the_file: bool,
}

/// Where an option was said.
enum Place {
    File { line: usize },
    Environment { variable: String },
}

/// What `error` says of an option of the file or the environment; `None` if it is about one of the
/// command line, `given`.
pub fn sentence(error: &clap::Error, config: &Config, given: &[OsString]) -> Option<Refusal> {
    match error.kind() {
        ErrorKind::MissingRequiredArgument => missing(error, config),
        _ => wrong_value(error, config, given),
    }
}

fn wrong_value(error: &clap::Error, config: &Config, given: &[OsString]) -> Option<Refusal> {
    let ContextValue::String(arg) = error.get(ContextKind::InvalidArg)? else { return None };
    let name = name(arg)?;
    if is_given(name, given) {
        return None;
    }
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let reason = reason(error);
    let place = place(name, config)?;
    Some(place.refusal(config, name, &format!("cannot be {value:?}: {reason}")))
}

/// Options that another one asks for, which may be said anywhere.
fn missing(error: &clap::Error, config: &Config) -> Option<Refusal> {
    let all = missing_names(error);
    let is_to_blame = |name: &str, value: &OsStr| {
        let mut alone = OsString::from(format!("--{name}="));
        alone.push(value);
        let asked = Options::command().try_get_matches_from(["muxftpd".as_ref(), &*alone]);
        asked.is_err_and(|error| missing_names(&error).iter().any(|name| all.contains(name)))
    };
    let command = Options::command_line();
    let of_environment = command.get_arguments().filter_map(|arg| {
        let value = env::var_os(environment::variable(arg)?)?;
        Some((arg.get_long()?.to_owned(), value))
    });
    let of_file = config.said().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut all_said = of_file.chain(of_environment);
    let (name, _) = all_said.find(|(name, value)| is_to_blame(name, value))?;
    let place = place(&name, config)?;
    let dashes = if matches!(place, Place::File { .. }) { "" } else { "--" };
    let others: Vec<String> = all.iter().map(|name| format!("{dashes}{name}")).collect();
    Some(place.refusal(config, &name, &format!("needs {} too", others.join(" and "))))
}

fn missing_names(error: &clap::Error) -> Vec<String> {
    let args = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(args)) => &args[..],
        _ => &[],
    };
    let mut names: Vec<String> =
        args.iter().filter_map(|arg| name(arg)).map(str::to_owned).collect();
    names.sort();
    names
}

/// The name in `--wait <DURATION>`, as clap writes it.
fn name(arg: &str) -> Option<&str> {
    arg.strip_prefix("--")?.split([' ', '[', '=']).next()
}

/// Whether the command line has an option, which then counts.
fn is_given(name: &str, given: &[OsString]) -> bool {
    given.iter().filter_map(|arg| arg.to_str()?.strip_prefix("--")).any(|arg| {
        arg.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// Where an option was said, if not on the command line. The environment overrides the file.
fn place(name: &str, config: &Config) -> Option<Place> {
    let command = Options::command_line();
    let arg: &Arg = command.get_arguments().find(|arg| arg.get_long() == Some(name))?;
    let variable = environment::variable(arg).filter(|variable| environment::is_set(variable));
    match variable {
        Some(variable) => Some(Place::Environment { variable }),
        None => config.line(name).map(|line| Place::File { line }),
    }
}

impl Place {
    /// `what` is the rest of a sentence that begins with the option.
    fn refusal(&self, config: &Config, name: &str, what: &str) -> Refusal {
        match self {
            Self::File { line } => Refusal {
                sentence: config.refused(*line, format!("{name} {what}")).to_string(),
                is_of_the_file: true,
            },
            Self::Environment { variable } => Refusal {
                sentence: format!("{variable} in the environment {what}"),
                is_of_the_file: false,
            },
        }
    }
}

/// Why a value is wrong.
fn reason(error: &clap::Error) -> String {
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        return format!("write {}", values.join(" or "));
    }
    match error.source() {
        Some(reason) => reason.to_string(),
        None => "it needs a value".to_owned(),
    }
}
