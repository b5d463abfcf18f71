//! What `STAT` without an argument tells, also while a transfer runs.

use crate::session::login::Identity;
use crate::session::reply::{Reply, quoted};
use crate::storage::FtpPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A transfer that is under way.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) command: &'static str,
    pub(super) path: FtpPath,
    /// A count for people, which orders nothing.
    pub(super) moved: Arc<AtomicU64>,
}

impl Progress {
    /// How many bytes went over the data connection.
    pub(super) fn moved(&self) -> u64 {
        self.moved.load(Relaxed)
    }
}

/// The reply to `STAT`.
pub(super) fn status(
    control_protected: bool,
    data_protected: bool,
    ascii: bool,
    identity: &Identity,
    progress: Option<&Progress>,
) -> Reply {
    let security = |protected| if protected { "TLS" } else { "plain" };
    let (control, data) = (security(control_protected), security(data_protected));
    let kind = if ascii { "ASCII" } else { "binary" };
    let mut lines: Vec<Vec<u8>> = vec![
        match identity.user_name() {
            Some(user) => format!("Logged in as {user}"),
            None => "Not logged in".to_owned(),
        }
        .into_bytes(),
        [b"Working directory ", quoted(&identity.working()).as_slice()].concat(),
        format!("TYPE {kind}, STRU file, MODE stream").into_bytes(),
        format!("Control connection {control}, data connections {data}").into_bytes(),
    ];
    if let Some(progress) = progress {
        let Progress { command, path, .. } = progress;
        let moved = format!(": {} bytes so far", progress.moved());
        lines.push([command.as_bytes(), b" ", path.as_bytes(), moved.as_bytes()].concat());
    }
    Reply::of_lines(211, "Status of muxftpd:", lines, "End")
}
