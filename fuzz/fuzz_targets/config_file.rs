//! Any text as the configuration file of muxftpd.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::config_file::run(bytes));
