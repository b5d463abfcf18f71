//! The configuration file: the options, by the same names, in TOML.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::nearest::nearest;
use crate::config::options::{Options, is_lasting, is_switch};

/// A file's options, and where each stood. That of no file has none.
#[derive(Debug, Default)]
pub struct Config {
    path: PathBuf,
    said: Vec<Said>,
}

/// One value of an option.
#[derive(Debug)]
struct Said {
    name: String,
    value: OsString,
    line: usize,
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
        let text = fs::read_to_string(path).map_err(|failed| match failed.kind() {
            io::ErrorKind::InvalidData => error(None, "it is not text in UTF-8".to_owned()),
            _ => error(None, failed.to_string()),
        })?;
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
            let is_table = matches!(value.get_ref(), DeValue::Table(_));
            let arg =
                find(&command, &key).ok_or_else(|| (at, unknown(&command, &key, is_table)))?;
            let by_hand = given.value_source(arg.get_id().as_str());
            if matches!(by_hand, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
                continue;
            }
            let values = values(arg, value).ok_or_else(|| (at, expected(arg, &key)))?;
            self.said.extend(values.into_iter().map(|value| Said {
                name: key.to_string(),
                value: value.into(),
                line: at,
            }));
        }
        Ok(())
    }

    /// The whole command line: the program's name, the file's options, and what was given.
    pub fn arguments(&self, given: &[OsString]) -> Vec<OsString> {
        let said = self.said.iter().map(|Said { name, value, .. }| {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            argument
        });
        let mut all = given.to_vec();
        all.splice(1.min(all.len())..1.min(all.len()), said.collect::<Vec<_>>());
        all
    }

    /// The options with their values, a list's one by one.
    pub fn said(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.said.iter().map(|said| (&*said.name, &*said.value))
    }

    /// Where an option stands.
    pub fn line(&self, name: &str) -> Option<usize> {
        self.said.iter().find(|said| said.name == name).map(|said| said.line)
    }

    /// Why it cannot be used.
    pub fn refused(&self, line: usize, reason: String) -> ConfigError {
        ConfigError { path: self.path.clone(), line: Some(line), reason }
    }
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(key) && is_for_a_file(arg))
}

fn unknown(command: &Command, key: &str, is_table: bool) -> String {
    if key == "config" {
        return "a file cannot name another one: config may stand on the command line, or in the \
                environment, only"
            .to_owned();
    }
    if command.get_arguments().any(|arg| arg.get_long() == Some(key)) {
        return format!("{key} may stand on the command line only");
    }
    let names = command.get_arguments().filter(|arg| is_for_a_file(arg)).filter_map(Arg::get_long);
    let no_option = format!("there is no option {key:?}");
    match nearest(key, names) {
        _ if is_table => format!("options stand in no section: leave [{}] out", key.escape_debug()),
        Some(near) => format!("{no_option}; is it {near:?}?"),
        None => no_option,
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
    use crate::config::refusal;
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
            ("max-sesions = 1", "1: there is no option \"max-sesions\"; is it \"max-sessions\"?"),
            ("max_waiting = 1", "1: there is no option \"max_waiting\"; is it \"max-waiting\"?"),
            ("port = 21", "1: there is no option \"port\""),
            ("\n\nconfig = \"a\"", "3: a file cannot name another one"),
            ("check = true", "1: check may stand on the command line only"),
            ("hash-password = true", "1: hash-password may stand on the command line only"),
            ("writable = \"yes\"", "1: writable must be true or false"),
            ("wait = true", "1: wait must be a text in quotes, or a number"),
            ("root = [\"a\"]", "1: root must be a text in quotes"),
            ("listen = [1]", "1: listen must be a text, or a list of texts"),
            ("[server]\nroot = \"/\"", "1: options stand in no section: leave [server] out"),
            ("root = \"a\"\nroot = \"b\"", "2: duplicate key"),
            ("wait = \"1s\"\nroot = /srv", "2: "),
        ] {
            let error = config(text, &["muxftpd"]).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    /// What the program says of the file, which is read without any command line.
    fn refused(text: &str) -> String {
        let given: Vec<OsString> = vec!["muxftpd".into()];
        let mut config = config(text, &["muxftpd"]).unwrap();
        config.path = "a.toml".into();
        let error = Options::read(config.arguments(&given)).unwrap_err();
        refusal::sentence(&error, &config, &given).unwrap().sentence
    }

    #[test]
    fn a_value_that_is_refused_is_one_sentence_with_its_line() {
        for (text, expected) in [
            ("root = \"/\"\nwait = \"soon\"", "line 2: wait cannot be \"soon\": write durations"),
            ("\n\nmax-sessions = 0", "line 3: max-sessions cannot be \"0\": write a whole number"),
            ("max-waiting = \"x\"", "line 1: max-waiting cannot be \"x\": write a whole number"),
            ("log-format = \"xml\"", "line 1: log-format cannot be \"xml\": write text or json"),
            ("users = \"\"", "line 1: users cannot be \"\": it needs a value"),
            ("listen = [\"0.0.0.0:21\", \"x\"]", "line 1: listen cannot be \"x\": write an IP"),
            ("tls-cert = \"c\"", "line 1: tls-cert needs tls-key too"),
            ("wait = 3\ntls-required = true", "line 1: wait cannot be \"3\": write durations"),
            ("\ntls-required = true", "line 2: tls-required needs tls-cert and tls-key too"),
            ("tls-cert = \"c\"\ntls-listen = \"[::]:990\"", "line 1: tls-cert needs tls-key too"),
        ] {
            let said = refused(text);
            let expected = format!("cannot use the configuration file a.toml, {expected}");
            assert!(said.starts_with(&expected), "{text}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }

    #[test]
    fn what_the_command_line_says_is_not_the_file_s_fault() {
        let given: Vec<OsString> = ["muxftpd", "--wait=soon"].map(Into::into).into();
        let config = config("wait = \"5s\"\ndrain-delay = \"1s\"", &["muxftpd", "--wait=soon"]);
        let config = config.unwrap();
        let error = Options::read(config.arguments(&given)).unwrap_err();
        assert_eq!(refusal::sentence(&error, &config, &given), None);
    }
}
