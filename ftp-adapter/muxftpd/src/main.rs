//! The program `muxftpd`. See the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    muxftpd::program::main()
}
