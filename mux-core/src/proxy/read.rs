//! Reading a header of either version.

use super::header::{Header, HeaderError};
use super::{v1, v2};

/// What the first bytes of a connection amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// They may become a header: ask again with more.
    More,
    /// They start with a whole header.
    Header(Header),
    /// They are no header and cannot become one.
    Refused(HeaderError),
}

/// Reads a header from the first bytes of a connection.
///
/// Whatever comes after the header plays no part. No more than
/// [`MAX_HEADER_LENGTH`](super::MAX_HEADER_LENGTH) bytes are ever needed, and none are kept: call
/// it again with all bytes when more have come.
#[must_use]
pub fn read(bytes: &[u8]) -> Progress {
    let read = if starts(bytes, v2::SIGNATURE) {
        v2::read(bytes)
    } else if starts(bytes, v1::SIGNATURE) {
        v1::read(bytes)
    } else {
        Err(HeaderError::Absent)
    };
    match read {
        Ok(Some(header)) => Progress::Header(header),
        Ok(None) => Progress::More,
        Err(error) => Progress::Refused(error),
    }
}

/// Whether `bytes` start with `signature`, or may when there are more of them.
fn starts(bytes: &[u8], signature: &[u8]) -> bool {
    let length = bytes.len().min(signature.len());
    bytes[..length] == signature[..length]
}

#[cfg(test)]
mod tests;
