//! Any bytes as a wildcard pattern and a name.

use muxftpd::storage::wildcard::Pattern;

/// Takes what is before the first line end for the pattern and the rest for the name, and compares
/// with a table of what each end of the pattern matches of each end of the name.
///
/// # Panics
///
/// If they differ.
pub fn run(bytes: &[u8]) {
    let line_end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (pattern, name) = (&bytes[..line_end], bytes.get(line_end + 1..).unwrap_or_default());
    // Longer ones match no name that there can be.
    if pattern.len() > 255 || name.len() > 255 {
        let _ = Pattern::new(pattern, false).matches(name);
        return;
    }
    let expected = matches(pattern, name);
    assert_eq!(Pattern::new(pattern, true).matches(name), expected);
    let hides = name.first() == Some(&b'.') && pattern.first() != Some(&b'.');
    assert_eq!(Pattern::new(pattern, false).matches(name), expected && !hides);
    assert!(Pattern::is_in(pattern) || expected == (pattern == name));
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // `table[p][n]`: whether the pattern from `p` on matches the name from `n` on.
    let mut table = vec![vec![false; name.len() + 1]; pattern.len() + 1];
    table[pattern.len()][name.len()] = true;
    for p in (0..pattern.len()).rev() {
        for n in (0..=name.len()).rev() {
            let byte = name.get(n).copied();
            let behind = |length: usize| byte.is_some() && table[p + length][n + 1];
            table[p][n] = match (pattern[p], set_end(&pattern[p..])) {
                (b'*', _) => table[p + 1][n] || byte.is_some() && table[p][n + 1],
                (b'?', _) => behind(1),
                (b'[', Some(end)) => {
                    let negated = matches!(pattern[p + 1], b'!' | b'^');
                    let members = &pattern[p + 1 + usize::from(negated)..p + end];
                    behind(end + 1) && byte.is_some_and(|byte| holds(members, byte) != negated)
                }
                (plain, _) => byte == Some(plain) && behind(1),
            };
        }
    }
    table[0][0]
}

/// Where the bracket is that closes a set: not the first byte of the set, and not the end of a
/// range, since no range ends in one.
fn set_end(pattern: &[u8]) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = 1 + usize::from(negated);
    (first + 1..pattern.len()).find(|at| pattern[*at] == b']')
}

fn holds(members: &[u8], byte: u8) -> bool {
    match members {
        [from, b'-', to, rest @ ..] => (*from..=*to).contains(&byte) || holds(rest, byte),
        [one, rest @ ..] => *one == byte || holds(rest, byte),
        [] => false,
    }
}
