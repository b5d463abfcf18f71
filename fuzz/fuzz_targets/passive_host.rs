//! Any text as a passive host.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::adapter::passive_host::run(bytes));
