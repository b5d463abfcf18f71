//! The first words of a TLS client: which sessions it offers to resume.
//!
//! rustls shows a server everything in a ClientHello but this. Read here is what RFC 8446
//! (sections 4.1.2, 4.2.11 and 5.1) and RFC 5077 (section 3.2) say, and no more than is needed:
//! whatever rustls takes for a ClientHello, this does too.

/// A handshake message in a record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// A ClientHello in a handshake message (section 4).
const CLIENT_HELLO: u8 = 1;
/// The longest record, with what encryption may add (section 5.2).
const MAX_RECORD: usize = (1 << 14) + 256;
/// The length of version and random, which a ClientHello begins with.
const VERSION_AND_RANDOM: usize = 2 + 32;
/// The extension with a session ticket, of TLS 1.2 and before (RFC 5077, section 3.2).
const SESSION_TICKET: usize = 35;
/// The extension with the identities of TLS 1.3 (RFC 8446, section 4.2.11).
const PRE_SHARED_KEY: usize = 41;

/// What the first bytes of a connection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// They may become a ClientHello.
    NeedMore,
    /// They are none, and will not be.
    NoHello,
    /// They begin with a ClientHello, which offers to resume sessions with these names: a session
    /// number, a ticket, identities.
    Hello(Vec<Vec<u8>>),
}

/// Reads the first bytes of a connection. The hello may be in several records.
pub fn read(bytes: &[u8]) -> Start {
    let mut records = Reader(bytes);
    let mut message = Vec::new();
    loop {
        // What can be told from half of a record's header is told at once.
        if records.0.first().is_some_and(|kind| *kind != HANDSHAKE)
            || records.0.get(1).is_some_and(|major| *major != 3)
        {
            return Start::NoHello;
        }
        let Some(length) = records.take(3).and_then(|_| records.number::<2>()) else {
            return Start::NeedMore;
        };
        if length == 0 || length > MAX_RECORD {
            return Start::NoHello;
        }
        let fragment = records.take_up_to(length);
        message.extend_from_slice(fragment);
        if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Start::NoHello;
        }
        let mut hello = Reader(&message);
        if let Some(body) = hello.take(1).and_then(|_| hello.vector::<3>()) {
            return names(body).map_or(Start::NoHello, Start::Hello);
        }
        if fragment.len() < length {
            return Start::NeedMore;
        }
    }
}

/// The names of the sessions that a ClientHello offers to resume. `None` if it is none.
fn names(hello: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut hello = Reader(hello);
    hello.take(VERSION_AND_RANDOM)?;
    let mut names = vec![hello.vector::<1>()?];
    let _cipher_suites = hello.vector::<2>()?;
    let _compression_methods = hello.vector::<1>()?;
    let mut extensions = match hello.0 {
        [] => hello,
        _ => Reader(hello.vector::<2>()?),
    };
    while !extensions.0.is_empty() {
        let kind = extensions.number::<2>()?;
        let data = extensions.vector::<2>()?;
        match kind {
            SESSION_TICKET => names.push(data),
            PRE_SHARED_KEY => {
                let mut identities = Reader(Reader(data).vector::<2>()?);
                while !identities.0.is_empty() {
                    names.push(identities.vector::<2>()?);
                    let _obfuscated_age = identities.take(4)?;
                }
            }
            _ => {}
        }
    }
    Some(names.into_iter().filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Bytes that are yet to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A number of so many bytes.
    fn number<const BYTES: usize>(&mut self) -> Option<usize> {
        Some(self.take(BYTES)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What follows its length, a number of so many bytes.
    fn vector<const BYTES: usize>(&mut self) -> Option<&'a [u8]> {
        let length = self.number::<BYTES>()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of a message's type and length.
    const MESSAGE_HEADER: usize = 4;

    fn vector<const BYTES: usize>(content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        [&length[length.len() - BYTES..], content].concat()
    }

    fn extension(kind: usize, data: &[u8]) -> Vec<u8> {
        [&(kind as u16).to_be_bytes()[..], &vector::<2>(data)].concat()
    }

    fn message(session_id: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
        let start = [&[3, 3][..], &[7; 32], &vector::<1>(session_id), &[0, 2, 0x13, 1, 1, 0]];
        let extensions = vector::<2>(&extensions.concat());
        [&[CLIENT_HELLO][..], &vector::<3>(&[start.concat(), extensions].concat())].concat()
    }

    /// In records of so many bytes.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |piece: &[u8]| [&[HANDSHAKE, 3, 1][..], &vector::<2>(piece)].concat();
        message.chunks(size).flat_map(record).collect()
    }

    fn offers(names: &[&[u8]]) -> Start {
        Start::Hello(names.iter().map(|name| name.to_vec()).collect())
    }

    #[test]
    fn every_way_to_name_a_session() {
        let identity = |name| [&vector::<2>(name)[..], &[0; 4]].concat();
        let identities = vector::<2>(&[identity(b"one"), identity(b"two")].concat());
        let binders = vector::<2>(&vector::<1>(&[9; 32]));
        let psk = extension(PRE_SHARED_KEY, &[identities, binders].concat());
        for (hello, names) in [
            (message(b"", &[]), &[][..]),
            (message(b"", &[extension(SESSION_TICKET, b""), extension(0, b"x")]), &[]),
            (message(b"number", &[]), &[&b"number"[..]]),
            (message(b"", &[extension(SESSION_TICKET, b"ticket")]), &[b"ticket"]),
            (message(b"number", &[extension(0, b"x"), psk]), &[b"number", b"one", b"two"]),
        ] {
            assert_eq!(read(&records(&hello, 1 << 14)), offers(names));
        }
    }

    #[test]
    fn in_pieces_of_any_size() {
        let hello = message(b"number", &[extension(21, &[0; 400])]);
        for size in [1, 2, 3, 5, 100, hello.len() - 1, hello.len()] {
            let bytes = records(&hello, size);
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Start::NeedMore, "{end} of {}", bytes.len());
            }
            assert_eq!(read(&bytes), offers(&[b"number"]));
            // What follows is the next message's.
            assert_eq!(read(&[bytes, vec![23]].concat()), offers(&[b"number"]));
        }
    }

    #[test]
    fn what_is_none_is_told_at_once() {
        for other in [
            &b"GET"[..],
            &[HANDSHAKE, 2],
            &[HANDSHAKE, 3, 1, 0, 0],
            &[HANDSHAKE, 3, 1, 0xff, 0xff],
            &[HANDSHAKE, 3, 1, 0, 9, 2],
            &[HANDSHAKE, 3, 1, 0, 5, CLIENT_HELLO, 0, 0, 1, 0],
        ] {
            assert_eq!(read(other), Start::NoHello, "{other:?}");
        }
        // Lengths that do not fit.
        let hello = message(b"number", &[extension(SESSION_TICKET, b"ticket")]);
        for place in [MESSAGE_HEADER + VERSION_AND_RANDOM, hello.len() - 8 - 4] {
            let mut broken = hello.clone();
            broken[place] = 0xff;
            assert_eq!(read(&records(&broken, 1 << 14)), Start::NoHello, "{place}");
        }
    }
}
