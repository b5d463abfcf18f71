//! What a log holds, as it may be shown on a terminal.

/// More of a line tells nothing more.
const LONGEST: usize = 80;

/// A text without what a terminal would obey, or show elsewhere: that is escaped.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, character| {
        push(&mut shown, character);
        shown
    })
}

/// The same of the beginning of a line, whatever bytes it has. No more than 80 characters come out.
pub(super) fn shortened(bytes: &[u8]) -> String {
    let (mut shown, mut length) = (String::new(), 0);
    // A character is at most four bytes, and what is no text becomes one character a byte.
    let beginning = &bytes[..bytes.len().min(4 * LONGEST)];
    for character in String::from_utf8_lossy(beginning).chars() {
        let mut one = String::new();
        push(&mut one, character);
        length += one.chars().count();
        if length > LONGEST {
            shown.push('…');
            break;
        }
        shown.push_str(&one);
    }
    shown
}

fn push(shown: &mut String, character: char) {
    if deceives(character) {
        shown.extend(character.escape_default());
    } else {
        shown.push(character);
    }
}

fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_long_lines_are_cut() {
        assert_eq!(
            escaped("a\u{1b}[31mb\r\n\u{9b}é 日\u{202e}"),
            "a\\u{1b}[31mb\\r\\n\\u{9b}é 日\\u{202e}"
        );
        assert_eq!(shortened(b"one line"), "one line");
        assert_eq!(shortened("é".repeat(80).as_bytes()), "é".repeat(80));
        for bytes in [vec![0_u8; 5000], vec![0x9b; 5000], vec![b'x'; 5000], vec![0x1b; 300]] {
            let shown = shortened(&bytes);
            assert!(shown.chars().count() <= 81 && shown.ends_with('…'), "{shown}");
            assert!(!shown.chars().any(char::is_control), "{shown}");
        }
    }
}
