//! Sending a file without reading it: `sendfile(2)`.

use crate::session::transfer::Broken;
use crate::session::transfer::data::Data;
use nix::errno::Errno;
use rustix::fs::sendfile;
use std::fs::File;
use std::io;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

/// How much one call may send: the socket mostly has room for less.
const CALL: usize = 1 << 20;

/// How much one trip to a thread that may wait for the disk may send, while others wait for it.
const TRIP: usize = 8 << 20;

/// How a trip has ended.
enum End {
    /// There is more, as soon as the socket has room.
    More,
    /// That was all.
    File,
    Failed(io::Error),
}

/// Sends the file from where it stands to its end. Gives it back, where it stands then, if the
/// system cannot send this kind of file so.
pub(super) async fn send(data: &mut Data, mut file: File) -> Result<Option<File>, Broken> {
    loop {
        let Some(stream) = data.plain().cloned() else { return Ok(Some(file)) };
        data.writable().await?;
        let trip = spawn_blocking(move || trip(&stream, file)).await;
        let (back, sent, end) = trip.map_err(io::Error::other).map_err(Broken::File)?;
        file = back;
        if sent > 0 {
            data.has_moved(sent);
        }
        match end {
            End::More => {}
            End::File => return Ok(None),
            End::Failed(error) if is_unsupported(&error) => return Ok(Some(file)),
            End::Failed(error) if is_of_file(&error) => return Err(Broken::File(error)),
            End::Failed(error) => return Err(Broken::Connection(error)),
        }
    }
}

/// Sends until the socket is full.
fn trip(stream: &Arc<TcpStream>, file: File) -> (File, usize, End) {
    let mut sent = 0;
    while sent < TRIP {
        let call = || Ok(sendfile(&**stream, &file, None, CALL)?);
        match stream.try_io(Interest::WRITABLE, call) {
            Ok(0) => return (file, sent, End::File),
            Ok(more) => sent += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (file, sent, End::Failed(error)),
        }
    }
    (file, sent, End::More)
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(errno(error), Some(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP))
}

/// Whether the disk is to blame, and not the connection.
fn is_of_file(error: &io::Error) -> bool {
    matches!(errno(error), Some(Errno::EIO | Errno::EOVERFLOW | Errno::ESTALE | Errno::ENOMEM))
}
