//! Sending a file with few trips to the threads for blocking work.
//!
//! A trip costs more than to read a small file: two changes of thread. So the first one opens the
//! file and reads as much as most files have, and later ones read much at a time.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{Dir, File};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::storage::blocking::blocking;

const FIRST: usize = 64 * 1024;
const LATER: usize = 256 * 1024;

/// A part of a file, and the file if there may be more of it.
struct Part {
    bytes: Vec<u8>,
    rest: Option<File>,
}

/// Copies the file `path` of `root` from byte `start` on into `output`; returns how many bytes.
///
/// Cancel safety: what was written stays written, and nothing is kept open.
pub async fn copy<W>(root: Arc<Dir>, path: PathBuf, start: u64, output: &mut W) -> io::Result<u64>
where
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut part = blocking(move || {
        let mut file = root.open(path)?;
        if start > 0 {
            file.seek(SeekFrom::Start(start))?;
        }
        read(file, Vec::new(), FIRST)
    })
    .await?;
    let mut copied = 0;
    loop {
        output.write_all(&part.bytes).await?;
        copied += part.bytes.len() as u64;
        let Some(file) = part.rest else { break };
        part = blocking(move || read(file, part.bytes, LATER)).await?;
    }
    output.flush().await?;
    Ok(copied)
}

/// Reads up to `most` bytes into `bytes`, whose content is of no use any more.
fn read(mut file: File, mut bytes: Vec<u8>, most: usize) -> io::Result<Part> {
    bytes.clear();
    let count = (&mut file).take(most as u64).read_to_end(&mut bytes)?;
    Ok(Part { bytes, rest: (count == most).then_some(file) })
}
