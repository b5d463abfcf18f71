//! Any bytes as the log of an FTP server, as portsize reads it.
//!
//! Whoever includes this has the program's `log` and `recording` beside it.

use std::fs;

use crate::log::{Format, open};

/// The first byte says in which format, if in one; the others are the log.
///
/// # Panics
///
/// If what it makes of the log cannot be.
pub fn run(bytes: &[u8]) {
    let Some((&format, log)) = bytes.split_first() else { return };
    let format = match format % 5 {
        0 => Some(Format::Xferlog),
        1 => Some(Format::Vsftpd),
        2 => Some(Format::Muxftpd),
        3 => Some(Format::Csv),
        _ => None,
    };
    let file = std::env::temp_dir().join(format!("mux-fuzz-log-{}", std::process::id()));
    fs::write(&file, log).expect("a file for the log");
    match open(&file, format, |_| ()) {
        Ok(read) => {
            assert!(format.is_none_or(|format| format == read.format));
            assert!(read.malformed <= read.lines);
            assert_eq!(read.first_malformed.is_some(), read.malformed > 0);
            let requests = &read.recording.requests;
            assert!(!requests.is_empty() && requests.len() as u64 <= read.lines);
            assert!(requests.is_sorted_by_key(|stamp| stamp.at));
            assert!(requests.iter().all(|at| (at.client as usize) < read.recording.clients.len()));
            assert!((1..=requests.len()).contains(&read.recording.peak(1)));
            let (_, most) = read.recording.busiest_client().expect("somebody asked");
            assert!((1..=requests.len() as u64).contains(&most));

            // Told the format that it has found, it finds the same.
            let again = open(&file, Some(read.format), |_| ()).expect("it was read before");
            assert_eq!(again.recording.requests, *requests);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    fs::remove_file(&file).expect("the file is there");
}
