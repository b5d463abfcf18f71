//! Options: the command line, the environment and the configuration file.

pub mod environment;
pub mod file;
pub mod generate;
pub mod given;
pub mod nearest;
pub mod options;
pub mod ports;
pub mod refusal;
pub mod values;
