//! Receiving a header from a connection.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::header::{Header, HeaderError, MAX_HEADER_LENGTH};
use super::read::{Progress, read};

/// How long a proxy has for its header. The specification asks for at least 3 s: then one packet
/// may get lost.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Why no header was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// What came is none.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The connection ended, or failed, before a whole one had come.
    #[error("the connection ended before its PROXY header: {0}")]
    Ended(#[from] io::Error),
    /// None came within [`HEADER_TIMEOUT`].
    #[error("no PROXY header came in time; have the proxy send one on this port (send-proxy-v2)")]
    Late,
}

/// Receives the header that the connection starts with. What follows it stays in the socket, for
/// the next reader.
///
/// # Errors
///
/// If none comes within [`HEADER_TIMEOUT`], or something else does. Then the connection is of no
/// more use.
///
/// # Cancel safety
///
/// Not cancel-safe: a part of the header may be lost, and with it the connection.
pub async fn receive(stream: &TcpStream) -> Result<Header, ReceiveError> {
    timeout(HEADER_TIMEOUT, receive_at_leisure(stream)).await.unwrap_or(Err(ReceiveError::Late))
}

async fn receive_at_leisure(stream: &TcpStream) -> Result<Header, ReceiveError> {
    // Empty as long as nothing has come: who says nothing costs no memory.
    let mut kept = Vec::new();
    loop {
        // Nothing but the header is taken from the socket. Where it ends is known once all of it
        // is there, so it is looked at before it is taken.
        stream.readable().await?;
        let before = kept.len();
        kept.resize(MAX_HEADER_LENGTH, 0);
        let there = stream.peek(&mut kept[before..]).await?;
        if there == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        kept.truncate(before + there);
        match read(&kept) {
            Progress::Refused(error) => return Err(error.into()),
            Progress::Header(header) => {
                take(stream, &mut kept[before..header.length])?;
                return Ok(header);
            }
            // All of it is the header's. With it out of the socket, the next await waits for more.
            Progress::More => take(stream, &mut kept[before..])?,
        }
    }
}

/// Takes what was seen to be there.
fn take(stream: &TcpStream, seen: &mut [u8]) -> io::Result<()> {
    let mut taken = 0;
    while taken < seen.len() {
        taken += stream.try_read(&mut seen[taken..])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::yield_now;

    const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 21\r\n";

    fn v2() -> Vec<u8> {
        let addresses = [192, 0, 2, 7, 198, 51, 100, 1, 195, 80, 0, 21];
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10"[..], &addresses, &[4, 0, 1, 0]].concat()
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        there.set_nodelay(true).unwrap();
        (there, listener.accept().await.unwrap().0)
    }

    /// Sends pieces one after the other, each when the one before was taken.
    async fn receives(pieces: &[&[u8]], after: &[u8]) {
        let (mut there, mut here) = pair().await;
        let send = async {
            for piece in pieces {
                there.write_all(piece).await.unwrap();
                for _ in 0..20 {
                    yield_now().await;
                }
            }
        };
        let (received, ()) = tokio::join!(receive(&here), send);
        let Origin::Client { source, destination } = received.unwrap().origin else {
            panic!("no client");
        };
        assert_eq!(source, "192.0.2.7:50000".parse().unwrap());
        assert_eq!(destination, "198.51.100.1:21".parse().unwrap());
        drop(there);
        let mut rest = Vec::new();
        here.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, after, "what follows is the session's");
    }

    #[tokio::test]
    async fn a_header_may_be_cut_anywhere() {
        for header in [LINE, &v2()] {
            for cut in 1..header.len() {
                receives(&[&header[..cut], &header[cut..]], b"").await;
            }
            let bytes: Vec<&[u8]> = header.chunks(1).collect();
            receives(&bytes, b"").await;
        }
    }

    #[tokio::test]
    async fn what_comes_with_the_header_stays_in_the_socket() {
        for header in [LINE, &v2()] {
            let with_more = [header, b"USER anonymous\r\n"].concat();
            receives(&[&with_more], b"USER anonymous\r\n").await;
            // A second header is the session's, who will not know what to do with it.
            let twice = [header, header].concat();
            receives(&[&twice], header).await;
            let (half, rest) = with_more.split_at(20);
            receives(&[half, rest], b"USER anonymous\r\n").await;
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused_at_once() {
        for (bytes, error) in [
            (&b"USER anonymous\r\n"[..], HeaderError::Absent),
            (b"\x16\x03\x01", HeaderError::Absent),
            (b"PROXY \r\n", HeaderError::Malformed),
            (&[b'P'; 5000], HeaderError::Absent),
            (&[&v2()[..14], b"\xff\xff"].concat(), HeaderError::TooLong),
        ] {
            let (mut there, here) = pair().await;
            there.write_all(bytes).await.unwrap();
            match receive(&here).await {
                Err(ReceiveError::Header(why)) => assert_eq!(why, error),
                other => panic!("{bytes:?}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn an_early_end_is_told() {
        for header in [&b""[..], b"PRO", LINE.split_at(LINE.len() - 1).0] {
            let (mut there, here) = pair().await;
            there.write_all(header).await.unwrap();
            drop(there);
            let error = receive(&here).await.unwrap_err();
            assert!(matches!(error, ReceiveError::Ended(_)), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_the_timeout() {
        for part in [&b""[..], b"PROXY TCP4 "] {
            let (mut there, here) = pair().await;
            there.write_all(part).await.unwrap();
            let started = tokio::time::Instant::now();
            let error = receive(&here).await.unwrap_err();
            assert!(matches!(error, ReceiveError::Late), "{error}");
            assert_eq!(started.elapsed(), HEADER_TIMEOUT);
        }
        const { assert!(HEADER_TIMEOUT.as_secs() >= 3) }
    }

    /// While more is waited for, nothing runs.
    #[tokio::test(start_paused = true)]
    async fn a_part_of_a_header_does_not_spin() {
        let (mut there, here) = pair().await;
        there.write_all(b"PROXY TCP4 ").await.unwrap();
        let mut polls = 0;
        let mut receiving = std::pin::pin!(receive(&here));
        std::future::poll_fn(|context| {
            polls += 1;
            receiving.as_mut().poll(context).map(drop)
        })
        .await;
        assert!(polls < 10, "{polls} polls");
    }
}
