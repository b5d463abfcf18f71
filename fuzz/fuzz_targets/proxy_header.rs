//! Any bytes as the start of a connection that a proxy passes on.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::core::proxy_header::run(bytes));
