//! Panics that a client can cause.

use std::panic;
use tracing::debug;

/// Takes libunftp's panics for what they are: it unwraps the result of the TLS handshake on a data
/// connection, so everybody who begins one badly causes one, which ends that data connection and
/// nothing else. They are logged at `debug`; all others are reported as usual.
pub fn quieten_libunftp() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| match panic.location() {
        Some(at) if is_libunftp(at.file()) => debug!("a data connection failed: {panic}"),
        _ => usual(panic),
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
