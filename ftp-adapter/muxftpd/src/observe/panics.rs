//! Panics go to the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use tracing::{debug, error};

/// Has every panic logged, because printing it as usual would wait for whom standard error has to
/// read it. libunftp unwraps the result of the TLS handshake on a data connection, so that each
/// client that begins one badly causes a panic, which ends that data connection and nothing else:
/// those are logged at `debug`.
pub fn log() {
    panic::set_hook(Box::new(|panic| match panic.location() {
        Some(at) if is_libunftp(at.file()) => debug!("a data connection failed: {panic}"),
        _ => {
            // As RUST_BACKTRACE says.
            let trace = Backtrace::capture();
            match trace.status() {
                BacktraceStatus::Captured => error!("{panic}\n{trace}"),
                _ => error!("{panic}"),
            }
        }
    }));
}

fn is_libunftp(file: &str) -> bool {
    file.replace('\\', "/").split('/').any(|part| part.starts_with("libunftp-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libunftp_is_meant() {
        assert!(is_libunftp("/registry/src/index/libunftp-0.24.0/src/server/datachan.rs"));
        assert!(!is_libunftp("ftp-adapter/src/libunftp/server.rs"));
        assert!(!is_libunftp("/registry/src/index/tokio-1.54.1/src/lib.rs"));
    }
}
