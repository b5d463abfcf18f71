//! The replies that name a port, read as clients do.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::adapter::replies::run(bytes));
