//! Any bytes as the log of an FTP server, as portsize reads it.
//!
//! The crate that includes this has the program's `log` and `recording` beside it.

use std::fs;

use clap::ValueEnum as _;

use crate::log::{Format, Log, Reading, open};

/// The first byte says in which format, if in one; the others are the log.
///
/// # Panics
///
/// If what it makes of the log cannot be.
pub fn run(bytes: &[u8]) {
    let Some((&format, log)) = bytes.split_first() else { return };
    let formats = Format::value_variants();
    let format = formats.get(usize::from(format) % (formats.len() + 1)).copied();
    let file = std::env::temp_dir().join(format!("mux-fuzz-log-{}", std::process::id()));
    fs::write(&file, log).expect("a file for the log");
    let files = [file];
    let read = |names| -> Result<Log, _> {
        open(&files, Reading { format, names, ..Reading::default() }, &|_| ())
    };
    match read(true) {
        Ok(log) => {
            assert!(log.unreadable <= log.lines);
            assert_eq!(log.first_unreadable.is_some(), log.unreadable > 0);
            let requests = &log.recording.requests;
            assert!(requests.len() > 1 && requests.len() as u64 <= log.lines);
            assert!(requests.is_sorted_by_key(|stamp| stamp.at));
            let clients = log.recording.clients.len();
            assert!(requests.iter().all(|stamp| (stamp.client as usize) < clients));
            assert!((1..=requests.len()).contains(&log.recording.peak(1)));
            let (_, most) = log.recording.busiest_client().expect("somebody asked");
            assert!((1..=requests.len() as u64).contains(&most));
            assert!(log.doubts.iter().all(|doubt| !doubt.text.is_empty()));

            // Where no name will do, nothing else is found.
            if let Ok(again) = read(false) {
                assert_eq!(again.recording.requests, *requests);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let [file] = files;
    fs::remove_file(&file).expect("the file is there");
}
