//! Sessions on a mux, against a plain model.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::adapter::session::run(bytes));
