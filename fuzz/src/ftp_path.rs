//! Any bytes as paths that a client gives, one after the other.

use muxftpd::storage::FtpPath;

/// Lets a client change its directory by each line of `bytes`, and compares with a list of names
/// that grows and shrinks.
///
/// # Panics
///
/// If they differ, or a path leads up.
pub fn run(bytes: &[u8]) {
    let mut working = FtpPath::root();
    let mut model: Vec<&[u8]> = Vec::new();
    for argument in bytes.split(|byte| *byte == b'\n') {
        if argument.first() == Some(&b'/') {
            model.clear();
        }
        for part in argument.split(|byte| *byte == b'/') {
            if part == b".." {
                model.pop();
            } else if !part.is_empty() && part != b"." {
                model.push(part);
            }
        }
        working = working.join(argument);
        let text = [b"/", &*model.join(&b'/')].concat();
        assert_eq!(working.as_bytes(), text);
        assert_eq!(working.file_name(), model.last().copied());
        assert_eq!(working.is_root(), model.is_empty());
        assert_eq!(FtpPath::root().join(&text), working);
        let up = model.split_last().map_or(&[][..], |(_, above)| above);
        assert_eq!(working.parent().as_bytes(), [b"/", &*up.join(&b'/')].concat());
    }
}
