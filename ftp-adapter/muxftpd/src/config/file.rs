//! The configuration file: the options, by the same names, in TOML.

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::options::{Options, is_lasting};

/// A file's options as arguments, and where each stood.
#[derive(Debug, Default)]
pub struct Config {
    path: PathBuf,
    arguments: Vec<OsString>,
    lines: HashMap<String, usize>,
}

/// What the command line and the environment say by themselves, whether or not it is complete without a file.
pub fn given(arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    Options::command_line().ignore_errors(true).try_get_matches_from(arguments)
}

/// Whether an option may stand in a file.
pub fn is_for_a_file(arg: &Arg) -> bool {
    is_lasting(arg) && arg.get_long() != Some("config")
}

impl Config {
    /// Reads the file at `path`, without what `given` says otherwise.
    pub fn read(path: &Path, given: &ArgMatches) -> Result<Self, ConfigError> {
        let error = |line, reason| ConfigError { path: path.to_owned(), line, reason };
        let text = fs::read_to_string(path).map_err(|failed| error(None, failed.to_string()))?;
        let mut config = Self { path: path.to_owned(), ..Self::default() };
        config.parse(&text, given).map_err(|(line, reason)| error(Some(line), reason))?;
        Ok(config)
    }

    fn parse(&mut self, text: &str, given: &ArgMatches) -> Result<(), (usize, String)> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            (line(at), error.message().to_owned())
        })?;
        let mut command = Options::command_line();
        command.build();
        for (key, value) in table.into_inner() {
            let (at, key) = (line(key.span().start), key.into_inner());
            let arg = find(&command, &key).ok_or_else(|| (at, unknown(&command, &key)))?;
            let by_hand = given.value_source(arg.get_id().as_str());
            if matches!(by_hand, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
                continue;
            }
            let values = values(arg, value).ok_or_else(|| (at, expected(arg, &key)))?;
            self.arguments
                .extend(values.into_iter().map(|value| format!("--{key}={value}").into()));
            self.lines.insert(key.into_owned(), at);
        }
        Ok(())
    }

    /// The whole command line: the program's name, the file's options, and what was given.
    pub fn arguments(&self, given: &[OsString]) -> Vec<OsString> {
        let mut all = given.to_vec();
        all.splice(
            1.min(all.len())..,
            self.arguments.iter().cloned().chain(given.iter().skip(1).cloned()),
        );
        all
    }

    /// Where the file says what `error` is about.
    pub fn place(&self, error: &clap::Error) -> Option<String> {
        let ContextValue::String(arg) = error.get(ContextKind::InvalidArg)? else { return None };
        let name = arg.strip_prefix("--")?.split([' ', '[', '=']).next()?;
        let line = self.lines.get(name)?;
        Some(format!("{}, line {line}", self.path.display()))
    }
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(key) && is_for_a_file(arg))
}

fn unknown(command: &Command, key: &str) -> String {
    let names = command.get_arguments().filter(|arg| is_for_a_file(arg)).filter_map(Arg::get_long);
    let near =
        names.max_by_key(|name| name.chars().zip(key.chars()).take_while(|(a, b)| a == b).count());
    match near {
        Some(near) if near.chars().next() == key.chars().next() => {
            format!("there is no option {key:?}; is it {near:?}?")
        }
        _ => format!("there is no option {key:?}"),
    }
}

/// What stands for `arg` on the command line, if `value` is of its kind.
fn values(arg: &Arg, value: Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    match value.into_inner() {
        DeValue::Boolean(on) if is_switch(arg) => Some(vec![on.to_string()]),
        _ if is_switch(arg) => None,
        DeValue::String(text) => Some(vec![text.into_owned()]),
        DeValue::Integer(number) => Some(vec![number.to_string()]),
        DeValue::Array(all) if matches!(arg.get_action(), ArgAction::Append) => {
            let text = |one: Spanned<DeValue<'_>>| match one.into_inner() {
                DeValue::String(text) => Some(text.into_owned()),
                _ => None,
            };
            all.into_iter().map(text).collect()
        }
        _ => None,
    }
}

fn expected(arg: &Arg, key: &str) -> String {
    match arg.get_action() {
        _ if is_switch(arg) => format!("{key} must be true or false"),
        ArgAction::Append => format!("{key} must be a text, or a list of texts"),
        _ => format!("{key} must be a text in quotes, or a number"),
    }
}

fn is_switch(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|number| number.min_values() == 0)
}

/// Why a configuration file cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    line: Option<usize>,
    reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the configuration file {}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn config(text: &str, arguments: &[&str]) -> Result<Config, String> {
        let given: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let mut config = Config::default();
        let matches = super::given(&given).unwrap();
        config.parse(text, &matches).map_err(|(line, reason)| format!("{line}: {reason}"))?;
        Ok(config)
    }

    fn options(text: &str, arguments: &[&str]) -> Options {
        let given: Vec<OsString> =
            [&["muxftpd"], arguments].concat().iter().map(Into::into).collect();
        let config = config(text, &[&["muxftpd"], arguments].concat()).unwrap();
        Options::read(config.arguments(&given)).unwrap()
    }

    const FILE: &str = r#"
root = "/srv/ftp"
writable = true
listen = ["127.0.0.1:21", "[::1]:21"]
wait = "5s"
max-sessions = 7
tls-cert = "cert.pem"
"#;

    #[test]
    fn a_file_says_what_the_command_line_would() {
        let options = options(FILE, &["--tls-key=key.pem"]);
        assert_eq!(options.root, Path::new("/srv/ftp"));
        assert!(options.writable);
        assert_eq!(options.listen.len(), 2);
        assert_eq!(options.wait, Duration::from_secs(5));
        assert_eq!(options.max_sessions.get(), 7);
        assert_eq!(options.tls_cert.as_deref(), Some(Path::new("cert.pem")));
        assert_eq!(options.drain_timeout, Duration::from_secs(30));
    }

    #[test]
    fn the_command_line_wins() {
        let options = options(
            FILE,
            &["--tls-key=k", "--writable=false", "--listen=127.0.0.1:0", "--wait", "1s"],
        );
        assert!(!options.writable);
        assert_eq!(options.listen, ["127.0.0.1:0".parse().unwrap()]);
        assert_eq!(options.wait, Duration::from_secs(1));
        assert_eq!(options.max_sessions.get(), 7);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("\nrot = \"/\"", "2: there is no option \"rot\"; is it \"root\"?"),
            ("qq = 1", "1: there is no option \"qq\""),
            ("\n\nconfig = \"a\"", "3: there is no option \"config\""),
            ("hash-password = true", "1: there is no option \"hash-password\""),
            ("writable = \"yes\"", "1: writable must be true or false"),
            ("wait = true", "1: wait must be a text in quotes, or a number"),
            ("root = [\"a\"]", "1: root must be a text in quotes"),
            ("listen = [1]", "1: listen must be a text, or a list of texts"),
            ("[server]\nroot = \"/\"", "1: there is no option \"server\""),
            ("root = \"a\"\nroot = \"b\"", "2: duplicate key"),
            ("wait = \"1s\"\nroot = /srv", "2: "),
        ] {
            let error = config(text, &["muxftpd"]).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_that_is_refused_is_placed() {
        let given: Vec<OsString> = vec!["muxftpd".into()];
        let config = config("root = \"/\"\nwait = \"soon\"", &["muxftpd"]).unwrap();
        let error = Options::read(config.arguments(&given)).unwrap_err();
        assert_eq!(config.place(&error).unwrap(), ", line 2");
    }
}
