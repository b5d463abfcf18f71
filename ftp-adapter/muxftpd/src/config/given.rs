//! What the program is given: the command line, and the file that it names.

use crate::config::file::{self, Config};
use crate::config::options::Options;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process;

/// The options. Does not return where they are wrong, or help is asked for.
pub fn read() -> Options {
    let given: Vec<OsString> = env::args_os().collect();
    let matches = file::given(&given).unwrap_or_else(|error| error.exit());
    let Some(path) = matches.get_one::<PathBuf>("config") else {
        return Options::read(given).unwrap_or_else(|error| error.exit());
    };
    // With --check, a file that is wrong is the answer.
    let code = if matches.get_flag("check") { 1 } else { 2 };
    let config = Config::read(path, &matches).unwrap_or_else(|error| {
        eprintln!("muxftpd: {error}");
        process::exit(code);
    });
    Options::read(config.arguments(&given)).unwrap_or_else(|error| {
        let Some(place) = config.place(&error) else { error.exit() };
        eprint!("muxftpd: {place}: {error}");
        process::exit(code);
    })
}
