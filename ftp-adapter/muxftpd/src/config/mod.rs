//! Options: the command line and the configuration file.

#[cfg(test)]
mod documented;
pub mod file;
pub mod generate;
pub mod given;
pub mod options;
pub mod ports;
pub mod values;
