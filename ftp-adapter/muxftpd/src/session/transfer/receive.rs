//! Receiving files.

use crate::session::transfer::Broken;
use crate::session::transfer::ascii::FromNetwork;
use crate::session::transfer::data::Data;
use crate::session::transfer::quick::Quick;
use crate::storage::Upload;
use std::fs::File;
use std::io::{self, Read, Write};
use tokio::task::{JoinError, JoinHandle};

/// How much is received before it is written: at first, and of a client that fills that.
const FIRST_PIECE: usize = 64 * 1024;
const PIECE: usize = 256 * 1024;

/// Receives all that comes, until the end.
pub(super) async fn receive(data: Data, upload: Upload, ascii: bool) -> Result<(), Broken> {
    if data.is_plain() && !ascii {
        receive_on_thread(data, upload).await
    } else {
        receive_pieces(data, upload, ascii).await
    }
}

/// Receives and writes on one thread while the client is quick.
async fn receive_on_thread(mut data: Data, upload: Upload) -> Result<(), Broken> {
    let mut target = Target::new(upload, false);
    loop {
        data.readable().await?;
        let turn = data.on_thread(|quick| {
            let ended = turn(quick, &mut target);
            (target, ended)
        });
        let (back, ended) = turn.await?;
        target = back;
        if ended? {
            return Ok(());
        }
    }
}

/// Writes what comes while more comes soon; whether the end has come.
fn turn(quick: &Quick, target: &mut Target) -> Result<bool, Broken> {
    loop {
        if target.buffer.is_empty() {
            target.buffer.resize(FIRST_PIECE, 0);
        }
        match (&quick.stream).read(&mut target.buffer) {
            Ok(received) => {
                target.write_received(received).map_err(Broken::File)?;
                if received == 0 {
                    return Ok(true);
                }
                if received == target.buffer.len() && received < PIECE {
                    target.buffer.resize(PIECE, 0);
                }
                if !quick.goes_on(received) {
                    return Ok(false);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Broken::Connection(error)),
        }
    }
}

/// While one piece is written, the next is received.
async fn receive_pieces(mut data: Data, upload: Upload, ascii: bool) -> Result<(), Broken> {
    let mut target = Some(Target::new(upload, ascii));
    let mut writing: Option<Writing> = None;
    let mut filling = Vec::with_capacity(FIRST_PIECE);
    let mut ended = false;
    loop {
        // What has come is written as soon as nothing else is.
        let has_room = !ended && filling.len() < filling.capacity();
        match &mut writing {
            Some(written) if has_room => tokio::select! {
                biased;
                written = written => (target, writing) = (Some(back(written)?), None),
                filled = data.fill(&mut filling) => ended = filled?,
            },
            Some(written) => (target, writing) = (Some(back(written.await)?), None),
            None if has_room && filling.is_empty() => ended = data.fill(&mut filling).await?,
            None => {
                let Some(mut next) = target.take() else { break };
                if ended && filling.is_empty() && next.is_complete() {
                    break;
                }
                // A client that fills a piece gets larger ones.
                let is_full = filling.len() == filling.capacity();
                let room = if is_full { PIECE } else { filling.capacity() };
                next.last = ended;
                filling = next.exchange(filling, room);
                writing = Some(data.beside(move || {
                    next.write()?;
                    Ok(next)
                }));
            }
        }
    }
    // Not every client waits for the answer to its end.
    let _ = data.finish().await;
    Ok(())
}

type Writing = JoinHandle<io::Result<Target>>;

fn back(written: Result<io::Result<Target>, JoinError>) -> Result<Target, Broken> {
    written.map_err(io::Error::other).flatten().map_err(Broken::File)
}

/// Where what comes is put.
#[derive(Debug)]
struct Target {
    place: Place,
    converter: Option<FromNetwork>,
    converted: Vec<u8>,
    buffer: Vec<u8>,
    /// Whether the buffer is the last.
    last: bool,
}

#[derive(Debug)]
enum Place {
    /// Nothing was changed yet.
    Upload(Upload),
    File(File),
    Lost,
}

impl Target {
    fn new(upload: Upload, ascii: bool) -> Self {
        Self {
            place: Place::Upload(upload),
            converter: ascii.then(FromNetwork::default),
            converted: Vec::new(),
            buffer: Vec::new(),
            last: false,
        }
    }

    /// Whether nothing is left to be done when nothing more comes.
    fn is_complete(&self) -> bool {
        self.last || matches!(self.place, Place::File(_)) && self.converter.is_none()
    }

    /// Takes a buffer that is to be written, and gives an empty one with `room`.
    fn exchange(&mut self, filled: Vec<u8>, room: usize) -> Vec<u8> {
        let mut empty = std::mem::replace(&mut self.buffer, filled);
        empty.clear();
        if empty.capacity() < room {
            empty = Vec::with_capacity(room);
        }
        empty
    }

    /// The file, from the first time on without what it had before.
    fn file(&mut self) -> io::Result<File> {
        match std::mem::replace(&mut self.place, Place::Lost) {
            Place::Upload(upload) => upload.begin(),
            Place::File(file) => Ok(file),
            Place::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Writes so much of the buffer. Waits for the disk.
    fn write_received(&mut self, received: usize) -> io::Result<()> {
        let mut file = self.file()?;
        file.write_all(&self.buffer[..received])?;
        self.place = Place::File(file);
        Ok(())
    }

    /// Writes the buffer. Waits for the disk.
    fn write(&mut self) -> io::Result<()> {
        let mut file = self.file()?;
        match &mut self.converter {
            None => file.write_all(&self.buffer)?,
            Some(converter) => {
                self.converted.clear();
                converter.convert(&self.buffer, &mut self.converted);
                if self.last {
                    std::mem::take(converter).finish(&mut self.converted);
                }
                file.write_all(&self.converted)?;
            }
        }
        self.place = Place::File(file);
        Ok(())
    }
}
