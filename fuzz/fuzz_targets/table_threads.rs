//! Operations on one table by two threads.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::core::table_threads::run(bytes));
