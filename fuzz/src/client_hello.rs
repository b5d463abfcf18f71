//! Any bytes as the first of a TLS client.

use muxftpd::tls::client_hello::{Start, read};
use rustls::server::Acceptor;

/// Prefixes of longer ones are not all looked at.
const ALL_PREFIXES: usize = 2048;

/// Reads the bytes as the start of a connection, and checks that what is said of them stays so
/// when more come, and that whatever rustls takes for a ClientHello is one here.
///
/// # Panics
///
/// If not.
pub fn run(bytes: &[u8]) {
    let whole = read(bytes);
    let mut said = Start::NeedMore;
    for end in 0..=bytes.len().min(ALL_PREFIXES) {
        let now = read(&bytes[..end]);
        assert!(said == Start::NeedMore || now == said, "{said:?}, then {now:?}");
        said = now;
    }
    assert!(said == Start::NeedMore || whole == said, "{said:?}, then {whole:?}");
    if let Start::Hello(names) = &whole {
        assert!(names.iter().all(|name| !name.is_empty()));
        assert!(names.iter().map(Vec::len).sum::<usize>() < bytes.len());
    }
    if rustls_takes(bytes) {
        assert!(matches!(whole, Start::Hello(_)), "{whole:?}");
    }
}

/// Whether rustls takes it for the hello of a client.
fn rustls_takes(mut bytes: &[u8]) -> bool {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        if acceptor.read_tls(&mut bytes).is_err() {
            return false;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(_)) => return true,
            Err(_) => return false,
        }
    }
    false
}
