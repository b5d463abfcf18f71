//! Any text as a port set.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::core::port_set::run(bytes));
