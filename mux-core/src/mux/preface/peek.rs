//! Looking at the first bytes of a connection as they come, without taking them.

use std::io;
use std::mem::MaybeUninit;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Shows `judge` the first bytes of a connection, from the beginning whenever there are more,
/// until it has an answer. They stay in the socket. `None` if it has none after `limit` bytes.
///
/// While it waits, it holds no memory for them.
pub(in crate::mux) async fn peek_until<T>(
    stream: &TcpStream,
    limit: usize,
    judge: impl Fn(&[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut seen = 0;
    loop {
        let ready = stream.ready(Interest::READABLE).await?;
        let mut buffer = vec![0; limit];
        // The bytes seen stay in the socket, so it is readable all the time. That there are no more
        // than before is therefore said to the runtime as if there were none: it waits for the
        // next that come, and misses none, since it was ready before they were looked for.
        let peeked = stream.try_io(Interest::READABLE, || match peek(stream, &mut buffer)? {
            count if count > seen || count == 0 => Ok(count),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        });
        match peeked {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => seen = count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if ready.is_read_closed() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            Err(error) => return Err(error),
        }
        let answer = judge(&buffer[..seen]);
        if answer.is_some() || seen == limit {
            return Ok(answer);
        }
    }
}

/// Looks at what has come, without waiting and without taking it.
pub(super) fn peek(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (start, length) = (buffer.as_mut_ptr().cast::<MaybeUninit<u8>>(), buffer.len());
    // SAFETY: the memory is that of `buffer`, which nothing else refers to for as long as this
    // lives, and bytes are allowed to be initialised. `peek` promises to write none that are not.
    let buffer = unsafe { std::slice::from_raw_parts_mut(start, length) };
    SockRef::from(stream).peek(buffer)
}
