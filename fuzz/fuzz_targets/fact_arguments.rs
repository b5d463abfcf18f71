//! Any bytes as arguments of OPTS MLST and MFMT.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::fact_arguments::run(bytes));
