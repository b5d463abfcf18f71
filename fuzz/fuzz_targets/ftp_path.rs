//! Any bytes as what paths of clients mean.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::ftp_path::run(bytes));
