//! Reading replies from a control connection.

use std::io::{self, Read};

/// Bytes of replies that have been read, in a buffer that is never made again.
#[derive(Debug)]
pub(super) struct Replies {
    buffer: Box<[u8; 2048]>,
    /// What is in the buffer and has not been taken.
    start: usize,
    end: usize,
}

/// A reply: its code, and the last line of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply<'a> {
    pub(super) code: u16,
    pub(super) line: &'a [u8],
}

impl Replies {
    pub(super) fn new() -> Self {
        Self { buffer: Box::new([0; 2048]), start: 0, end: 0 }
    }

    /// The next reply. `read` is called after each read from `stream`.
    pub(super) fn next(
        &mut self,
        mut stream: impl Read,
        mut read: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Reply<'_>> {
        loop {
            let filled = &self.buffer[self.start..self.end];
            let Some(length) = filled.iter().position(|byte| *byte == b'\n') else {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
                match stream.read(&mut self.buffer[self.end..])? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => self.end += count,
                }
                read()?;
                continue;
            };
            let line = self.start..self.start + length;
            self.start += length + 1;
            // Others are lines before the last of a long reply.
            if let Some(code) = last_line(&self.buffer[line.clone()]) {
                return Ok(Reply { code, line: &self.buffer[line] });
            }
        }
    }
}

fn last_line(line: &[u8]) -> Option<u16> {
    match line {
        [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ' | b'\r', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            Some(digit(a) * 100 + digit(b) * 10 + digit(c))
        }
        _ => None,
    }
}

impl Reply<'_> {
    /// The port in a reply to `PASV` (227) or `EPSV` (229).
    pub(super) fn port(&self) -> Option<u16> {
        let inside = self.line.split(|byte| *byte == b'(').nth(1)?.split(|b| *b == b')').next()?;
        let inside = std::str::from_utf8(inside).ok()?;
        if self.code == 229 {
            return inside.strip_prefix("|||")?.strip_suffix('|')?.parse().ok();
        }
        let mut bytes = inside.split(',').skip(4).map(|byte| byte.parse::<u8>().ok());
        Some(u16::from_be_bytes([bytes.next()??, bytes.next()??]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_told_apart_however_they_arrive() {
        let text =
            b"211-Features:\r\n EPSV\r\n211 END\r\n227 Entering Passive Mode (127,0,0,1,32,8)\r\n\
            229 Entering Extended Passive Mode (|||8200|)\r\n";
        let mut one_by_one = text.iter();
        let mut replies = Replies::new();
        let mut next = || {
            let stream = One(&mut one_by_one);
            let reply = replies.next(stream, || Ok(())).unwrap();
            (reply.code, reply.port())
        };
        assert_eq!([next(), next(), next()], [(211, None), (227, Some(8200)), (229, Some(8200))]);
    }

    struct One<'a, 'b>(&'a mut std::slice::Iter<'b, u8>);

    impl Read for One<'_, '_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(self.0.next().map_or(0, |byte| {
                buffer[0] = *byte;
                1
            }))
        }
    }
}
