//! Connections that wait for their preface, and reservations that come and go.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::core::stage::run(bytes));
