//! Any bytes as wildcards and names.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::wildcard::run(bytes));
