//! What the program is given: the command line, the environment, and the file that it names.

use crate::config::file::{self, Config};
use crate::config::options::Options;
use crate::config::refusal;
use crate::observe::output;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process;

/// The exit status where options are wrong.
pub const WRONG_OPTIONS: u8 = 2;

/// The options. Does not return where they are wrong, or help is asked for.
pub fn read() -> Options {
    let given: Vec<OsString> = env::args_os().collect();
    let matches = file::given(&given).unwrap_or_else(|error| error.exit());
    // With --check, a file that is wrong is the answer. Nothing is there where more is wrong.
    let is_check = matches.get_one("check").is_some_and(|check: &bool| *check);
    let code = if is_check { 1 } else { WRONG_OPTIONS };
    let config = match matches.get_one::<PathBuf>("config") {
        Some(path) => Config::read(path, &matches).unwrap_or_else(|error| {
            output::complain(&error.to_string());
            process::exit(code.into())
        }),
        None => Config::default(),
    };
    Options::read(config.arguments(&given)).unwrap_or_else(|error| {
        match refusal::sentence(&error, &config, &given) {
            // It is the command line's.
            None => error.exit(),
            Some(refused) => {
                output::complain(&refused.sentence);
                let code = if refused.is_of_the_file { code } else { WRONG_OPTIONS };
                process::exit(code.into())
            }
        }
    })
}
