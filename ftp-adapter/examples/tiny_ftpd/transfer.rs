//! What goes over a data connection.

use crate::files::Content;
use crate::tls;
use ftp_adapter::{PassiveSession, Reply};
use std::io::{self, SeekFrom};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// How much is read at a time.
const PIECE: usize = 128 * 1024;

/// What is to be done once there is a data connection.
#[derive(Debug)]
pub(crate) enum Transfer {
    /// Send a listing.
    Text(String),
    /// Send a file.
    Send(Content),
    /// Put what comes into the file from here on.
    Receive(File, u64),
    /// Put what comes behind the file's end.
    Append(File),
}

/// Why a transfer ended before its end.
#[derive(Debug)]
pub(crate) enum Failure {
    Connection(io::Error),
    File(io::Error),
}

type Data = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Waits for the data connection, and begins TLS on it where `protection` says so.
pub(crate) async fn open(
    passive: &mut PassiveSession,
    protection: Option<&tls::Session>,
) -> Result<Data, Reply> {
    match protection {
        None => passive.data_connection().await.map(Either::Left),
        Some(session) => {
            let verify = |stream| session.accept(stream);
            let stream = passive.data_connection_verified(verify).await?;
            Ok(Either::Right(Box::new(stream)))
        }
    }
}

impl Transfer {
    /// Does it. The other end may be silent for `patience`.
    pub(crate) async fn run(self, mut data: Data, patience: Duration) -> Result<(), Failure> {
        match self {
            Self::Text(text) => send(text.as_bytes(), None, &mut data, patience).await,
            Self::Send(Content { first, rest }) => send(&first, rest, &mut data, patience).await,
            Self::Receive(mut file, start) => {
                // Only now: a file is not emptied for somebody who never connects.
                file.set_len(start).await.map_err(Failure::File)?;
                file.seek(SeekFrom::Start(start)).await.map_err(Failure::File)?;
                receive(&mut data, &mut file, patience).await
            }
            Self::Append(mut file) => {
                file.seek(SeekFrom::End(0)).await.map_err(Failure::File)?;
                receive(&mut data, &mut file, patience).await
            }
        }
    }
}

async fn send(
    first: &[u8],
    rest: Option<File>,
    data: &mut Data,
    patience: Duration,
) -> Result<(), Failure> {
    write(first, data, patience).await?;
    if let Some(mut file) = rest {
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).await.map_err(Failure::File)? {
                0 => break,
                length => write(&piece[..length], data, patience).await?,
            }
        }
    }
    // Over TLS this says that the end is the end.
    let shutdown = async {
        data.flush().await?;
        data.shutdown().await
    };
    timeout(patience, shutdown)
        .await
        .map_err(io::Error::from)
        .flatten()
        .map_err(Failure::Connection)
}

async fn write(mut bytes: &[u8], data: &mut Data, patience: Duration) -> Result<(), Failure> {
    while !bytes.is_empty() {
        let written = timeout(patience, data.write(bytes)).await;
        match written.map_err(io::Error::from).flatten().map_err(Failure::Connection)? {
            0 => return Err(Failure::Connection(io::ErrorKind::WriteZero.into())),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

async fn receive(data: &mut Data, into: &mut File, patience: Duration) -> Result<(), Failure> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = timeout(patience, data.read(&mut piece)).await;
        match read.map_err(io::Error::from).flatten().map_err(Failure::Connection)? {
            0 => break,
            length => into.write_all(&piece[..length]).await.map_err(Failure::File)?,
        }
    }
    into.flush().await.map_err(Failure::File)?;
    // Not every client waits for the answer to its end.
    let _ = timeout(patience, data.shutdown()).await;
    Ok(())
}
