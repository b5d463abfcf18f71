//! Sending a file without reading it: `sendfile(2)`.

use crate::session::transfer::data::Data;
use crate::session::transfer::quick::Quick;
use crate::session::transfer::{Broken, check_end};
use nix::errno::Errno;
use rustix::fs::sendfile;
use std::fs::File;
use std::io;

/// How much one call may send: the socket mostly has room for less.
const CALL: usize = 1 << 20;

/// How a turn has ended.
enum End {
    /// There is more, as soon as the socket has room.
    More,
    /// That was all.
    File,
    Failed(io::Error),
}

/// Sends the file from where it stands to its end, which is not to come before `end`. Gives it
/// back, where it stands then, if the system cannot send this kind of file so.
pub(super) async fn send(
    data: &mut Data,
    mut file: File,
    end: u64,
) -> Result<Option<File>, Broken> {
    loop {
        data.writable().await?;
        let turn = data.on_thread(|quick| {
            let ended = turn(quick, &file);
            (file, ended)
        });
        let (back, ended) = turn.await?;
        file = back;
        match ended {
            End::More => {}
            End::File => {
                check_end(&mut file, end).map_err(Broken::File)?;
                return Ok(None);
            }
            End::Failed(error) if is_unsupported(&error) => return Ok(Some(file)),
            End::Failed(error) if is_of_file(&error) => return Err(Broken::File(error)),
            End::Failed(error) => return Err(Broken::Connection(error)),
        }
    }
}

/// Sends while the client is quick.
fn turn(quick: &Quick, file: &File) -> End {
    loop {
        match sendfile(&quick.stream, file, None, CALL) {
            Ok(0) => return End::File,
            Ok(sent) if quick.goes_on(sent) => {}
            Ok(_) => return End::More,
            Err(rustix::io::Errno::AGAIN) => return End::More,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return End::Failed(error.into()),
        }
    }
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
