//! Any text as muxftpd's configuration file.

use std::ffi::OsString;
use std::fs;

use muxftpd::config::file::{self as config, Config};
use muxftpd::config::options::Options;
use muxftpd::config::refusal;

/// Reads the bytes as a configuration file. Checks that it is read as TOML is, and lets in nobody
/// whom it does not name; or that what is wrong is said, with a line that is there.
///
/// # Panics
///
/// If not.
pub fn run(bytes: &[u8]) {
    let file = std::env::temp_dir().join(format!("mux-fuzz-config-{}", std::process::id()));
    fs::write(&file, bytes).expect("a file for the configuration");
    let program = [OsString::from("muxftpd")];
    let given = config::given(&program).expect("nothing is given");
    let read = Config::read(&file, &given);
    fs::remove_file(&file).expect("the file is there");
    let config = match read {
        Ok(config) => config,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(&*file.display().to_string()), "{text}");
            if let Some((_, line)) = text.split_once(", line ") {
                assert_line_is_there(line, bytes);
            }
            return;
        }
    };
    let text = str::from_utf8(bytes).expect("what is read is text");
    let plain: toml::Table = text.parse().expect("what is read is TOML");
    match Options::read(config.arguments(&program)) {
        Ok(options) => {
            let on = |key| plain.get(key).and_then(toml::Value::as_bool) == Some(true);
            assert_eq!(options.writable, on("writable"), "{text}");
            let anonymous = plain.get("anonymous").and_then(toml::Value::as_bool);
            assert_eq!(options.anonymous, anonymous, "{text}");
            assert_eq!(options.tls_required, on("tls-required"), "{text}");
            let listen = match plain.get("listen") {
                Some(toml::Value::Array(all)) => all
                    .iter()
                    .map(|one| one.as_str().map_or(1, |text| text.split(',').count()))
                    .sum(),
                Some(toml::Value::String(text)) => text.split(',').count(),
                Some(_) => 1,
                None => 0,
            };
            assert_eq!(options.listen.len(), listen, "{text}");
            assert_eq!(options.users.is_some(), plain.contains_key("users"), "{text}");
            // What only the command line may say.
            assert!(options.config.is_none() && !options.check && !options.hash_password, "{text}");
        }
        // Whatever is wrong, the file is to blame, in one sentence.
        Err(error) => {
            let refusal = refusal::sentence(&error, &config, &program);
            let sentence = refusal.unwrap_or_else(|| panic!("{error}")).sentence;
            assert_eq!(sentence.lines().count(), 1, "{sentence}");
            let (_, line) = sentence.split_once(", line ").expect("a line is named");
            assert_line_is_there(line, bytes);
        }
    }
}

/// Checks that the text begins with the number of one of the lines.
fn assert_line_is_there(text: &str, bytes: &[u8]) {
    let line: String = text.chars().take_while(char::is_ascii_digit).collect();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(line.parse().is_ok_and(|line: usize| (1..=lines).contains(&line)), "{text}");
}
