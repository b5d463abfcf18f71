//! Any text as the users file of muxftpd.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mux_fuzz::users_file::run(bytes));
