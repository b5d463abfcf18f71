//! Any text as the file of muxftpd's users.

use std::collections::HashSet;
use std::fs;
use std::path::Component;

use muxftpd::auth::users::Users;

/// Reads the bytes as a users file, and checks what every user of it must have, or that what is
/// wrong is said.
///
/// # Panics
///
/// If not.
pub fn run(bytes: &[u8]) {
    let file = std::env::temp_dir().join(format!("mux-fuzz-users-{}", std::process::id()));
    fs::write(&file, bytes).expect("a file for the users");
    match Users::read(&file) {
        Ok(users) => {
            assert_eq!(users.iter().count(), users.count());
            let names: HashSet<&str> = users.iter().map(|user| &*user.name).collect();
            assert_eq!(names.len(), users.count(), "somebody is there twice");
            for user in users.iter() {
                assert!(!user.name.is_empty());
                assert!(users.get(&user.name).is_some());
                if let Some(home) = &user.home {
                    let below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
                    assert!(home.components().all(below), "{} leads out", home.display());
                }
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(&*file.display().to_string()), "{text}");
            let lines = bytes.split(|byte| *byte == b'\n').count();
            if let Some(at) = text.split_once("line ").map(|(_, rest)| rest) {
                let line: String = at.chars().take_while(char::is_ascii_digit).collect();
                assert!(line.parse().is_ok_and(|line: usize| line <= lines), "{text}");
            }
        }
    }
    fs::remove_file(&file).expect("the file is there");
}
