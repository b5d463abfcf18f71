//! The line ends of TYPE A (RFC 959, section 3.1.1.1): CRLF on the network, LF in files.
//!
//! The converters take a transfer in pieces, cut anywhere.

/// From a file to the network: an LF becomes CRLF.
///
/// One that has its CR already stays as it is, so files from other systems are not damaged. The
/// price is that such a file comes back with LF alone.
#[derive(Debug, Default)]
pub struct ToNetwork {
    after_cr: bool,
}

impl ToNetwork {
    /// Appends what `piece` is on the network.
    pub fn convert(&mut self, piece: &[u8], into: &mut Vec<u8>) {
        // Enough for lines of 32 bytes; shorter ones make it grow.
        into.reserve(piece.len() + piece.len() / 32);
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', piece) {
            let has_cr = match end.checked_sub(1) {
                Some(before) => piece[before] == b'\r',
                None => self.after_cr,
            };
            if !has_cr {
                into.extend_from_slice(&piece[begin..end]);
                into.push(b'\r');
                begin = end;
            }
        }
        into.extend_from_slice(&piece[begin..]);
        if let Some(last) = piece.last() {
            self.after_cr = *last == b'\r';
        }
    }
}

/// From the network to a file: CRLF becomes LF, and every other CR stays.
#[derive(Debug, Default)]
pub struct FromNetwork {
    /// The last piece ended in a CR, which is not written yet.
    holds_cr: bool,
}

impl FromNetwork {
    /// Appends what `piece` is in a file, but for a CR at its end.
    pub fn convert(&mut self, piece: &[u8], into: &mut Vec<u8>) {
        let Some(first) = piece.first() else { return };
        into.reserve(piece.len() + 1);
        if self.holds_cr && *first != b'\n' {
            into.push(b'\r');
        }
        self.holds_cr = piece.ends_with(b"\r");
        let piece = &piece[..piece.len() - usize::from(self.holds_cr)];
        let mut begin = 0;
        for cr in memchr::memchr_iter(b'\r', piece) {
            if piece.get(cr + 1) == Some(&b'\n') {
                into.extend_from_slice(&piece[begin..cr]);
                begin = cr + 1;
            }
        }
        into.extend_from_slice(&piece[begin..]);
    }

    /// Appends what is held back, at the end of the transfer.
    pub fn finish(self, into: &mut Vec<u8>) {
        if self.holds_cr {
            into.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to_network<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut converter, mut bytes) = (ToNetwork::default(), Vec::new());
        pieces.into_iter().for_each(|piece| converter.convert(piece, &mut bytes));
        bytes
    }

    fn from_network<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut converter, mut bytes) = (FromNetwork::default(), Vec::new());
        pieces.into_iter().for_each(|piece| converter.convert(piece, &mut bytes));
        converter.finish(&mut bytes);
        bytes
    }

    #[test]
    fn line_ends_are_converted() {
        for (file, network) in [
            (&b""[..], &b""[..]),
            (b"a\nb\n", b"a\r\nb\r\n"),
            (b"\n\n", b"\r\n\r\n"),
            (b"a\r\nb", b"a\r\nb"),
            (b"a\rb\r", b"a\rb\r"),
            (b"\r\r\n", b"\r\r\n"),
        ] {
            assert_eq!(to_network([file]), network);
        }
        for (network, file) in [
            (&b""[..], &b""[..]),
            (b"a\r\nb\r\n", b"a\nb\n"),
            (b"a\nb", b"a\nb"),
            (b"a\rb\r", b"a\rb\r"),
            (b"\r\r\n\r", b"\r\n\r"),
        ] {
            assert_eq!(from_network([network]), file);
        }
    }

    /// The bytes that matter, often.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(&b"\r\r\n\na\xfc"[..]), 0..40)
    }

    /// One byte after the other, with what was before it.
    fn to_network_slowly(file: &[u8]) -> Vec<u8> {
        let before = std::iter::once(0).chain(file.iter().copied());
        let pairs = before.zip(file);
        pairs
            .flat_map(|(before, byte)| {
                let added = (*byte == b'\n' && before != b'\r').then_some(b'\r');
                added.into_iter().chain([*byte])
            })
            .collect()
    }

    /// One byte after the other, with what is behind it.
    fn from_network_slowly(network: &[u8]) -> Vec<u8> {
        let behind = network.iter().skip(1).copied().chain([0]);
        let kept = network.iter().zip(behind).filter(|pair| *pair != (&b'\r', b'\n'));
        kept.map(|(byte, _)| *byte).collect()
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces = || cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]);
            prop_assert_eq!(to_network(pieces()), to_network_slowly(&text));
            prop_assert_eq!(from_network(pieces()), from_network_slowly(&text));
        }

        #[test]
        fn what_is_sent_comes_back(text in text()) {
            let unix: Vec<u8> = text.into_iter().filter(|byte| *byte != b'\r').collect();
            let network = to_network([&unix[..]]);
            prop_assert_eq!(from_network([&network[..]]), unix);
        }
    }
}
