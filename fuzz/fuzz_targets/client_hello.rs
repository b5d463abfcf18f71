//! Any bytes as the first of a TLS client.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::client_hello::run(bytes));
