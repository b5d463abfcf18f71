//! Cutting lines into pieces.

use memchr::memmem;

/// What stands before and after the first `mark`.
pub(super) fn cut<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = match mark {
        [byte] => memchr::memchr(*byte, text)?,
        _ => memmem::find(text, mark)?,
    };
    Some((&text[..at], &text[at + mark.len()..]))
}

/// What stands before and after the last `mark`.
pub(super) fn cut_last<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::rfind(text, mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

/// A number with a fraction, that is not negative.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// Seconds in nanoseconds, if a transfer may take so long.
pub(super) fn took(seconds: f64) -> Option<i64> {
    // Longer than any session lives.
    (0.0..691_200.0).contains(&seconds).then_some((seconds * 1e9) as i64)
}
