//! Replies on the control connection (RFC 959, 4.2), read to the letter.

use std::fmt;
use std::io::{self, BufRead, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// One reply, of one line or of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The lines as sent, without their CRLF.
    pub lines: Vec<String>,
}

impl Reply {
    /// Reads one reply.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the connection ends first, `InvalidData` when what comes is no reply.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let first = line(from)?;
        let code = first.get(..3).and_then(number).filter(|code| (100..600).contains(code));
        let code = code.ok_or_else(|| unreadable(&first))?;
        let last = format!("{code} ");
        let mut lines = vec![first];
        match lines[0].as_bytes().get(3) {
            Some(b' ') | None => {}
            Some(b'-') => loop {
                let next = line(from)?;
                let done = next.starts_with(&last);
                lines.push(next);
                if done {
                    break;
                }
            },
            Some(_) => return Err(unreadable(&lines[0])),
        }
        Ok(Self { code, lines })
    }

    /// Whether the reply refuses for good or for now (4xx or 5xx).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// The address in a reply to PASV, which must be exactly
    /// `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)`: NAT helpers read it too.
    ///
    /// # Panics
    ///
    /// When it is anything else.
    #[must_use]
    #[track_caller]
    pub fn passive_address(&self) -> SocketAddr {
        let numbers: Option<Vec<u8>> = self
            .inside("227 Entering Passive Mode (", ")")
            .and_then(|inside| inside.split(',').map(number).collect());
        match numbers.as_deref() {
            Some(&[a, b, c, d, high, low]) => {
                let port = u16::from_be_bytes([high, low]);
                (Ipv4Addr::new(a, b, c, d), port).into()
            }
            _ => panic!("not a 227 to the letter: {self}"),
        }
    }

    /// The port in a reply to EPSV, which must be exactly
    /// `229 Entering Extended Passive Mode (|||port|)` (RFC 2428, 3), on `host`.
    ///
    /// # Panics
    ///
    /// When it is anything else.
    #[must_use]
    #[track_caller]
    pub fn extended_passive_address(&self, host: IpAddr) -> SocketAddr {
        match self.inside("229 Entering Extended Passive Mode (|||", "|)").and_then(number) {
            Some(port) => (host, port).into(),
            None => panic!("not a 229 to the letter: {self}"),
        }
    }

    /// What stands between `before` and `after` in a reply of one line.
    fn inside(&self, before: &str, after: &str) -> Option<&str> {
        match self.lines.as_slice() {
            [only] => only.strip_prefix(before)?.strip_suffix(after),
            _ => None,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.lines.join("\r\n"))
    }
}

/// One line, which must end with CRLF.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err(unreadable(&line)),
    }
}

/// A number written the one way numbers are written in replies: digits, no sign, no leading zero.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

fn unreadable(line: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not a reply: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Reply> {
        Reply::read(&mut text.as_bytes())
    }

    #[test]
    fn one_line_and_many() {
        assert_eq!(read("220 Hello\r\n").unwrap().code, 220);
        let many = read("211-First\r\n 211 no end\r\n200 neither\r\n211 End\r\n").unwrap();
        assert_eq!(many.lines.len(), 4);
    }

    #[test]
    fn half_a_reply_is_none() {
        for text in ["", "220 Hello", "220 Hello\n", "22 Hello\r\n", "220_Hello\r\n", "220-a\r\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn passive_replies_are_read_to_the_letter() {
        let reply = read("227 Entering Passive Mode (127,0,0,1,32,4)\r\n").unwrap();
        assert_eq!(reply.passive_address(), ([127, 0, 0, 1], 8196).into());
        let reply = read("229 Entering Extended Passive Mode (|||8196|)\r\n").unwrap();
        let host = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(reply.extended_passive_address(host), ([127, 0, 0, 1], 8196).into());
    }

    #[test]
    fn other_wordings_of_227_are_not_taken() {
        for text in [
            "227 Entering Passive Mode 127,0,0,1,32,4\r\n",
            "227 Entering Passive Mode (127,0,0,1,32,4).\r\n",
            "227 Entering Passive Mode (127,0,0,1,032,4)\r\n",
            "227 Entering Passive Mode (127,0,0,1,32)\r\n",
            "227 Entering Passive Mode (127, 0,0,1,32,4)\r\n",
        ] {
            let reply = read(text).unwrap();
            assert!(std::panic::catch_unwind(|| reply.passive_address()).is_err(), "{text}");
        }
    }
}
