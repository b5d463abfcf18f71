//! Any bytes as a log for portsize.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::portsize_log::run(bytes));
