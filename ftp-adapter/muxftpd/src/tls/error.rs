//! Why a certificate and its key are no good.

use rustls::pki_types::pem;
use std::io;
use std::path::{Path, PathBuf};

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the {what} {}: {error}", path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A file is not PEM.
    #[error("the {what} {} is not in PEM: {error}", path.display())]
    NotPem {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in {}: give the certificate, followed by its chain, in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file.
    #[error("there is no private key in {}: give the certificate's key in PEM, not encrypted", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that cannot be used.
    #[error("cannot use the certificate {} with the key {}: {error}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

impl TlsError {
    pub(super) fn reading(what: &'static str, path: &Path, error: pem::Error) -> Self {
        let path = path.to_owned();
        match error {
            pem::Error::Io(error) => Self::Unreadable { what, path, error },
            error => Self::NotPem { what, path, error },
        }
    }
}
