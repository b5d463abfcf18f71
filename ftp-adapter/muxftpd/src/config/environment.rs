//! Options in the environment: `--passive-ports` as `MUXFTPD_PASSIVE_PORTS`.

use crate::config::nearest::nearest;
use crate::config::options::{Options, is_lasting};
use clap::Arg;
use std::env;
use std::ffi::{OsStr, OsString};

const PREFIX: &str = "MUXFTPD_";

/// What the option is called in the environment.
pub fn variable(arg: &Arg) -> Option<String> {
    let name = arg.get_long().filter(|_| is_lasting(arg))?;
    Some(format!("{PREFIX}{}", name.replace('-', "_").to_ascii_uppercase()))
}

/// Whether the environment says something for `variable`. An empty one is as one that is not
/// there: a container's file often leaves it so.
pub fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// A sentence on each variable that looks like an option's and is none.
pub fn unknown() -> Vec<String> {
    unknown_among(env::vars_os())
}

fn unknown_among(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let command = Options::command_line();
    let known: Vec<String> = command.get_arguments().filter_map(variable).collect();
    let written = variables.filter(|(name, value)| {
        name.to_str().is_none_or(|name| !known.iter().any(|known| known == name))
            && !is_of_a_service(name, value)
    });
    let mut sentences: Vec<String> =
        written.filter_map(|(name, _)| sentence(&name, &known)).collect();
    sentences.sort();
    sentences
}

fn sentence(name: &OsStr, known: &[String]) -> Option<String> {
    let name = name.to_string_lossy();
    let option = name.strip_prefix(PREFIX)?;
    let options = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    let is = format!("{} in the environment is no option", name.escape_debug());
    let command = Options::command_line();
    let long = option.replace('_', "-").to_ascii_lowercase();
    if command.get_arguments().any(|arg| arg.get_long() == Some(&long) && !is_lasting(arg)) {
        return Some(format!("{is}: --{long} may stand on the command line only"));
    }
    let lower: Vec<String> = options.map(|name| name.replace('_', "-").to_lowercase()).collect();
    Some(match nearest(option, lower.iter().map(String::as_str)) {
        Some(near) => {
            let near = near.replace('-', "_").to_ascii_uppercase();
            format!("{is}; is it {PREFIX}{near}?")
        }
        None => format!("{is}, and is passed over"),
    })
}

/// Whether it is one of those that Kubernetes and Docker set for a service named `muxftpd`, such
/// as `MUXFTPD_SERVICE_HOST` and `MUXFTPD_PORT_21_TCP=tcp://10.0.0.7:21`.
fn is_of_a_service(name: &OsStr, value: &OsStr) -> bool {
    let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|kind| value.starts_with(kind));
    let is_of_a_port = name
        .split_once("_PORT_")
        .is_some_and(|(_, port)| port.starts_with(|first: char| first.is_ascii_digit()));
    is_url || is_of_a_port || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(name: &str, value: &str) -> Vec<String> {
        unknown_among([(name.into(), value.into())].into_iter())
    }

    #[test]
    fn what_is_no_option_is_told_with_what_it_may_be() {
        for (name, sentence) in [
            (
                "MUXFTPD_PASIVE_PORTS",
                "MUXFTPD_PASIVE_PORTS in the environment is no option; is it MUXFTPD_PASSIVE_PORTS?",
            ),
            ("MUXFTPD_passive_ports", "is it MUXFTPD_PASSIVE_PORTS?"),
            ("MUXFTPD_CHECK", "--check may stand on the command line only"),
            (
                "MUXFTPD_VOLUME",
                "MUXFTPD_VOLUME in the environment is no option, and is passed over",
            ),
            ("MUXFTPD_\x1b[31m", "MUXFTPD_\\u{1b}[31m in the environment is no option"),
        ] {
            let said = said_of(name, "1");
            assert!(said.len() == 1 && said[0].contains(sentence), "{name}: {said:?}");
        }
    }

    #[test]
    fn options_and_what_is_of_others_are_not_told() {
        for (name, value) in [
            ("MUXFTPD_PASSIVE_PORTS", "8192"),
            ("MUXFTPD_CONFIG", ""),
            ("MUXFTPD", "/usr/bin/muxftpd"),
            ("PATH", "/bin"),
            ("MUXFTPD_SERVICE_HOST", "10.0.0.7"),
            ("MUXFTPD_SERVICE_PORT_CONTROL", "21"),
            ("MUXFTPD_PORT", "tcp://10.0.0.7:21"),
            ("MUXFTPD_PORT_21_TCP", "tcp://10.0.0.7:21"),
            ("MUXFTPD_PORT_21_TCP_ADDR", "10.0.0.7"),
            ("MUXFTPD_CONTROL_PORT_21_TCP_PROTO", "tcp"),
        ] {
            assert_eq!(said_of(name, value), [""; 0], "{name}");
        }
    }
}
