//! Any text as a port map.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::adapter::port_map::run(bytes));
