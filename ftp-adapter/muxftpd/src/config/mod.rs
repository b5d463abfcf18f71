//! Options: the command line and the configuration file.

pub mod file;
pub mod generate;
pub mod given;
pub mod options;
pub mod ports;
pub mod values;
