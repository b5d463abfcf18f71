//! Any bytes as a session with a real server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::ftp_session::run(bytes));
