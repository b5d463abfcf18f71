//! Wildcards in the last component of a listing's argument.
//!
//! They work on bytes. Libraries for this work on text or take a regular expression to it, and
//! a name here may be neither text nor worth one.

/// The longest name that file systems have, in bytes.
const MAX_NAME: usize = 255;

/// A pattern: `*` any bytes, `?` any byte, `[a-z]` one of them, `[!a-z]` or `[^a-z]` any other.
/// A bracket that is not closed means itself, and so does a `]` that is the first in a set.
#[derive(Debug, Clone)]
pub struct Pattern {
    elements: Vec<Element>,
    /// Whether names that begin with a dot are matched by more than a dot.
    hidden: bool,
}

#[derive(Debug, Clone)]
enum Element {
    Byte(u8),
    Any,
    /// One bit for each byte.
    Set(Box<[u128; 2]>),
    Star,
}

impl Pattern {
    /// Whether `text` has anything but plain bytes in it.
    pub fn is_in(text: &[u8]) -> bool {
        text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
    }

    /// Reads a pattern. With `hidden`, `*` and `?` match the dot that a name begins with, too.
    pub fn new(text: &[u8], hidden: bool) -> Self {
        let mut elements = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            elements.push(match byte {
                b'*' if matches!(elements.last(), Some(Element::Star)) => continue,
                b'*' => Element::Star,
                b'?' => Element::Any,
                b'[' => match set(rest) {
                    Some((set, after)) => {
                        rest = after;
                        Element::Set(Box::new(set))
                    }
                    None => Element::Byte(b'['),
                },
                byte => Element::Byte(byte),
            });
        }
        Self { elements, hidden }
    }

    /// Whether it matches all of `name`. Takes steps in the product of their lengths at most, of
    /// which neither counts beyond what a name can have.
    pub fn matches(&self, name: &[u8]) -> bool {
        let shows_dot = self.hidden || matches!(self.elements.first(), Some(Element::Byte(b'.')));
        if name.starts_with(b".") && !shows_dot || self.elements.len() > 2 * MAX_NAME + 1 {
            return false;
        }
        let (mut element, mut byte) = (0, 0);
        // The last star, and where what comes behind it was tried last.
        let mut star = None;
        while byte < name.len() {
            match self.elements.get(element) {
                Some(Element::Star) => {
                    star = Some((element + 1, byte));
                    element += 1;
                    continue;
                }
                Some(one) if one.matches(name[byte]) => {
                    element += 1;
                    byte += 1;
                    continue;
                }
                _ => {}
            }
            // Only the last star needs to take more: what the ones before it left is enough.
            let Some((behind, tried)) = star else { return false };
            (element, byte) = (behind, tried + 1);
            star = Some((behind, byte));
        }
        self.elements[element..].iter().all(|element| matches!(element, Element::Star))
    }
}

impl Element {
    fn matches(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::Any => true,
            Self::Set(set) => set[usize::from(byte >> 7)] & bit(byte) != 0,
            Self::Star => false,
        }
    }
}

/// Reads a set behind its opening bracket; returns it and what comes behind it.
fn set(text: &[u8]) -> Option<([u128; 2], &[u8])> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let mut rest = &text[usize::from(negated)..];
    let mut set = [0; 2];
    let mut is_first = true;
    loop {
        let (&from, after) = rest.split_first()?;
        if from == b']' && !is_first {
            if negated {
                set = set.map(|half: u128| !half);
            }
            return Some((set, after));
        }
        is_first = false;
        let to = match *after {
            [b'-', to, ..] if to != b']' => {
                rest = &after[2..];
                to
            }
            _ => {
                rest = after;
                from
            }
        };
        for byte in from..=to {
            set[usize::from(byte >> 7)] |= bit(byte);
        }
    }
}

fn bit(byte: u8) -> u128 {
    1 << (byte & 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern.as_bytes(), false).matches(name.as_bytes())
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name) in [
            ("*", "a"),
            ("*.csv", "a.csv"),
            ("*.csv", "a.csv.csv"),
            ("a?.txt", "ab.txt"),
            ("[a-z]*", "q1"),
            ("[!a-z]*", "Q"),
            ("[^a-z]*", "1"),
            ("[]]", "]"),
            ("[]a]", "a"),
            ("[a-]", "-"),
            ("[", "["),
            ("[a", "[a"),
            ("a[b*", "a[bcd"),
            (".*", ".profile"),
            ("*a*b*", "xxaxxbxx"),
            ("**", "a"),
            ("a b*", "a bc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.csv", "a.csv1"),
            ("a?.txt", "a.txt"),
            ("[a-z]", "Q"),
            ("[a-z]", "qq"),
            ("[z-a]", "b"),
            ("*", ".profile"),
            ("?profile", ".profile"),
            ("[.]profile", ".profile"),
            ("*a*b*", "xxbxxa"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(Pattern::new(b"*", true).matches(b".profile"));
        assert!(Pattern::new(b"M?ller*", false).matches(b"M\xfcller.csv"));
        assert!(Pattern::is_in(b"a[1]") && !Pattern::is_in(b"a]-!1"));
    }

    #[test]
    fn a_pattern_made_to_take_long_does_not() {
        let pattern = Pattern::new("a*".repeat(100_000).as_bytes(), false);
        assert!(!pattern.matches("a".repeat(MAX_NAME).as_bytes()));
        let pattern = Pattern::new(format!("{}b", "a*".repeat(200)).as_bytes(), false);
        for _ in 0..100 {
            assert!(!pattern.matches("a".repeat(MAX_NAME).as_bytes()));
        }
    }
}
