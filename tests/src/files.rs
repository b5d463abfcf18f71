//! Deterministic content whose every line names its owner, so that bytes which reached the wrong
//! client tell whose they are.

/// How long a line is, its end included.
const LINE: usize = 64;

/// `length` bytes that belong to `owner`.
#[must_use]
pub fn content(owner: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + LINE);
    while bytes.len() < length {
        let line = format!("{owner} {:010} ", bytes.len());
        bytes.extend_from_slice(line.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(LINE) - 1, b'.');
        bytes.push(b'\n');
    }
    bytes.truncate(length);
    bytes
}

/// Checks that `got` is all of `owner`'s content and nothing else.
///
/// # Panics
///
/// When it is not; the message shows the first line that is wrong.
#[track_caller]
pub fn assert_own(owner: &str, length: usize, got: &[u8]) {
    let wanted = content(owner, length);
    if got == wanted {
        return;
    }
    let same = got.iter().zip(&wanted).take_while(|(got, wanted)| got == wanted).count();
    let line = got[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = got.len().min(line + 60);
    panic!(
        "{owner} got {} of its {length} bytes; from byte {same} on they differ: {:?}",
        got.len(),
        String::from_utf8_lossy(&got[line..end]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_names_its_owner() {
        let text = String::from_utf8(content("one", 200)).unwrap();
        assert_eq!(text.len(), 200);
        assert!(text.lines().rev().skip(1).all(|line| line.starts_with("one ")));
        assert_eq!(content("one", 0), b"");
    }

    #[test]
    #[should_panic(expected = "two ")]
    fn foreign_bytes_name_their_owner() {
        let mut got = content("one", 100);
        got.truncate(50);
        got.extend(content("two", 50));
        assert_own("one", 100, &got);
    }

    #[test]
    #[should_panic(expected = "got 99 of its 100 bytes")]
    fn a_byte_too_few_is_seen() {
        assert_own("one", 100, &content("one", 99));
    }
}
