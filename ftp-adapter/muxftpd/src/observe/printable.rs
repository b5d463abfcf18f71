//! A client's text, as it may be shown to people.

use std::fmt::{self, Write as _};

/// A client's text in one line of a log, as it would not be mistaken for anything else: what is not
/// UTF-8 is replaced; control characters, and those that turn the direction of writing or end a
/// line, are escaped.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in String::from_utf8_lossy(self.0).chars() {
            match deceives(character) {
                true => write!(f, "{}", character.escape_default())?,
                false => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// Whether a terminal obeys a character instead of showing it (C0, C1, DEL), or shows others
/// elsewhere for its sake: marks of direction, and separators of lines and paragraphs.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_line_and_says_what_it_is() {
        let text = |path: &[u8]| Printable(path).to_string();
        assert_eq!(text(b"/a\r\n2026 INFO forged\x1b[31m"), "/a\\r\\n2026 INFO forged\\u{1b}[31m");
        assert_eq!(text("/\u{9b}31m\u{7f}".as_bytes()), "/\\u{9b}31m\\u{7f}");
        assert_eq!(text("/txt.\u{202e}exe\u{2028}".as_bytes()), "/txt.\\u{202e}exe\\u{2028}");
        assert_eq!(text("/Müller \"a\" e\u{301} 日本".as_bytes()), "/Müller \"a\" e\u{301} 日本");
        assert_eq!(text(b"/M\xfcller"), "/M\u{fffd}ller");
    }
}
