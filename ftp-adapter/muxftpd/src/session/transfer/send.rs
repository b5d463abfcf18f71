//! Sending files and listings.

use crate::session::transfer::ascii::ToNetwork;
use crate::session::transfer::data::Data;
use crate::session::transfer::{Broken, check_end};
use crate::storage::Listing;
use std::fs::File;
use std::io::{self, Read};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a file is read at a time.
const PIECE: usize = 256 * 1024;

/// What is to be sent: a first piece, and where the rest comes from, if there may be more.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) piece: Vec<u8>,
    pub(super) rest: Option<Source>,
}

/// Where pieces come from.
#[derive(Debug)]
pub(super) enum Source {
    Listing(Listing),
    File {
        file: File,
        /// Where it ended when it was opened.
        end: u64,
        converter: Option<ToNetwork>,
        raw: Vec<u8>,
    },
}

impl Outgoing {
    /// Reads the first piece. Waits for the disk.
    pub(super) fn begin(mut source: Source) -> io::Result<Self> {
        let mut piece = Vec::new();
        let more = source.next_piece(&mut piece)?;
        Ok(Self { piece, rest: more.then_some(source) })
    }
}

impl Source {
    pub(super) fn file(file: File, end: u64, converter: Option<ToNetwork>) -> Self {
        Self::File { file, end, converter, raw: Vec::new() }
    }

    /// Appends the next piece; false if it was the last. Waits for the disk.
    fn next_piece(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        match self {
            Self::Listing(listing) => listing.next_piece(into),
            Self::File { file, end, converter: None, .. } => read(file, *end, into),
            Self::File { file, end, converter: Some(converter), raw } => {
                raw.clear();
                let more = read(file, *end, raw)?;
                converter.convert(raw, into);
                Ok(more)
            }
        }
    }
}

/// Reads a piece of a file; false at its end.
fn read(file: &mut File, end: u64, into: &mut Vec<u8>) -> io::Result<bool> {
    let before = into.len();
    file.take(PIECE as u64).read_to_end(into)?;
    let more = into.len() - before == PIECE;
    if !more {
        check_end(file, end)?;
    }
    Ok(more)
}

/// Sends all of it, and says that it was all.
pub(super) async fn send(data: Data, outgoing: Outgoing) -> Result<(), Broken> {
    let Outgoing { piece, rest } = outgoing;
    let rest = match rest {
        #[cfg(target_os = "linux")]
        Some(Source::File { file, end, converter: None, raw }) if data.is_plain() => {
            let mut data = data;
            data.write_all(&piece).await?;
            match super::sendfile::send(&mut data, file, end).await? {
                None => return data.finish().await,
                Some(file) => {
                    let source = Source::File { file, end, converter: None, raw };
                    let begun = crate::session::blocking(move || Outgoing::begin(source)).await;
                    return send_pieces(data, begun.map_err(Broken::File)?).await;
                }
            }
        }
        rest => rest,
    };
    send_pieces(data, Outgoing { piece, rest }).await
}

/// Reads each piece while the one before is sent.
async fn send_pieces(mut data: Data, outgoing: Outgoing) -> Result<(), Broken> {
    let Outgoing { mut piece, rest } = outgoing;
    let mut next = rest.map(|source| read_ahead(source, Vec::new()));
    loop {
        let Some(reading) = next.take() else { return data.write_last(&piece).await };
        data.write_all(&piece).await?;
        let joined = reading.await.map_err(io::Error::other).map_err(Broken::File)?;
        let (ahead, rest) = joined.map_err(Broken::File)?;
        let sent = std::mem::replace(&mut piece, ahead);
        next = rest.map(|source| read_ahead(source, sent));
    }
}

type Ahead = io::Result<(Vec<u8>, Option<Source>)>;

fn read_ahead(mut source: Source, mut piece: Vec<u8>) -> JoinHandle<Ahead> {
    spawn_blocking(move || {
        piece.clear();
        let more = source.next_piece(&mut piece)?;
        Ok((piece, more.then_some(source)))
    })
}
