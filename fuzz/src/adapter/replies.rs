//! The replies that clients read a port from, read back in the ways that clients read them.

use std::net::{Ipv4Addr, SocketAddrV4};

use ftp_adapter::Reply;

/// The first bytes are an address and a port. Both replies must name them, to a strict reader of
/// the RFCs and to each way in which clients are known to read.
///
/// # Panics
///
/// If one of them reads something else.
pub fn run(bytes: &[u8]) {
    let Some(&[a, b, c, d, high, low]) = bytes.first_chunk::<6>() else { return };
    let (ip, port) = (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]));
    let address = SocketAddrV4::new(ip, port);

    let text = line_of(Reply::Passive(address), 227);
    let inside = between(&text, '(', ')').expect("parentheses");
    assert_eq!(text, format!("227 Entering Passive Mode ({inside})"));
    for read in [numbers(inside), first_numbers(&text[4..]), from_the_first_digit(&text[4..])] {
        assert_eq!(read.as_deref(), Some(&[a, b, c, d, high, low][..]), "{text}");
    }

    let text = line_of(Reply::ExtendedPassive(port), 229);
    let inside = between(&text, '(', ')').expect("parentheses");
    assert_eq!(text, format!("229 Entering Extended Passive Mode ({inside})"));
    for read in [extended(inside), last_number(&text)] {
        assert_eq!(read, Some(port), "{text}");
    }
}

/// The text of a reply that is one line, complete, and of printable ASCII.
fn line_of(reply: Reply, code: u16) -> String {
    let line = reply.line();
    let text = line.strip_suffix("\r\n").expect("a whole line");
    assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
    assert!(text.len() + 2 <= 512, "longer than clients may read");
    assert_eq!(text.split_once(' ').map(|(code, _)| code), Some(&*code.to_string()));
    assert_eq!((reply.code(), reply.is_refusal(), reply.closes()), (code, false, false));
    assert_eq!(text, reply.to_string());
    text.to_owned()
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

/// RFC 959: six numbers, no sign, no leading zero, separated by commas and by nothing else.
fn numbers(inside: &str) -> Option<Vec<u8>> {
    let read = inside.split(',').map(|number| {
        let value: u8 = number.parse().ok()?;
        (value.to_string() == number).then_some(value)
    });
    read.collect::<Option<Vec<u8>>>().filter(|numbers| numbers.len() == 6)
}

/// As those do who look for six numbers anywhere, whatever surrounds them.
fn first_numbers(text: &str) -> Option<Vec<u8>> {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.filter_map(|start| six(&text[start..])).next()
}

/// As those do who skip to the first digit after the code.
fn from_the_first_digit(text: &str) -> Option<Vec<u8>> {
    six(&text[text.find(|letter: char| letter.is_ascii_digit())?..])
}

fn six(text: &str) -> Option<Vec<u8>> {
    let mut rest = text;
    let mut read = Vec::new();
    loop {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        read.push(rest[..end].parse().ok()?);
        if read.len() == 6 {
            return Some(read);
        }
        rest = rest[end..].strip_prefix(',')?;
    }
}

/// RFC 2428: three delimiters of any one kind, the port, the delimiter once more.
fn extended(inside: &str) -> Option<u16> {
    let delimiter = inside.chars().next().filter(|letter| matches!(letter, '!'..='~'))?;
    let fields: Vec<&str> = inside.split(delimiter).collect();
    match fields[..] {
        ["", "", "", port, ""] => port.parse().ok(),
        _ => None,
    }
}

/// As those do who take the last number of the line.
fn last_number(text: &str) -> Option<u16> {
    let is_digit = |letter: char| letter.is_ascii_digit();
    text.split(|letter| !is_digit(letter)).rfind(|part| !part.is_empty())?.parse().ok()
}
