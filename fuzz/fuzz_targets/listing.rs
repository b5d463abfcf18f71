//! Any bytes as names in a listing.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::listing::run(bytes));
