//! Any text as the argument of `EPSV`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::adapter::epsv::run(bytes));
