//! Receiving a file with few trips to the threads for blocking work.
//!
//! As with [downloads](crate::storage::download), a trip is what costs. The first one opens the file and
//! writes what has come by then, and while one part is written the next is read.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{Dir, File, OpenOptions};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::storage::blocking::blocking;

/// How much is written at a time, at most.
const PART: usize = 256 * 1024;

/// Copies `input` into the file `path` of `root` from byte `start` on, where the file ends
/// afterwards; returns how many bytes. Every one of them is in the file then.
///
/// Cancel safety: what was written stays written, and nothing is kept open.
pub async fn copy<R>(mut input: R, root: Arc<Dir>, path: PathBuf, start: u64) -> io::Result<u64>
where
    R: AsyncRead + Unpin,
{
    let first = read(&mut input, Vec::new()).await?;
    let mut copied = first.len() as u64;
    let open = blocking(move || {
        let file = root.open_with(path, OpenOptions::new().write(true).create(true))?;
        write(begin(file, start)?, first)
    });
    let (written, next) = tokio::join!(open, read(&mut input, Vec::new()));
    let ((mut file, mut spare), mut part) = (written?, next?);
    while !part.is_empty() {
        copied += part.len() as u64;
        let (written, next) =
            tokio::join!(blocking(move || write(file, part)), read(&mut input, spare));
        (file, spare) = written?;
        part = next?;
    }
    Ok(copied)
}

/// Cuts the file off at `start`, where the next byte goes.
fn begin(mut file: File, start: u64) -> io::Result<File> {
    file.set_len(start)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(file)
}

/// The file again, and the bytes, for the next part.
fn write(mut file: File, bytes: Vec<u8>) -> io::Result<(File, Vec<u8>)> {
    file.write_all(&bytes)?;
    Ok((file, bytes))
}

/// What there is to be read, into `bytes`, whose content is of no use any more. Empty at the end.
async fn read(input: &mut (impl AsyncRead + Unpin), mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    bytes.clear();
    bytes.reserve(PART);
    input.take(PART as u64).read_buf(&mut bytes).await?;
    Ok(bytes)
}
