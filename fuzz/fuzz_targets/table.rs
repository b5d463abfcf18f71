//! Operations on one table, against a plain list.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::core::table::run(bytes));
