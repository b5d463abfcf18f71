//! A certificate for the server under test, from an authority of its own, so that clients verify
//! it as they would any other.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// PEM files: what the server needs, and what its clients need.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The certificate of the authority that signed it.
    pub authority: PathBuf,
}

impl Certificate {
    /// Makes a new one for the loopback addresses, in `directory`.
    ///
    /// # Panics
    ///
    /// When the files cannot be written.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Authority of a test");
        let authority_key = KeyPair::generate().expect("a key can be made");
        let signed = authority.self_signed(&authority_key).expect("a certificate can be signed");
        let issuer = Issuer::new(authority, authority_key);

        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let mut server = CertificateParams::new(names).expect("these are names");
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = server.signed_by(&key, &issuer).expect("a certificate can be signed");

        let write = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).expect("a file can be written");
            path
        };
        Self {
            certificate: write("server.pem", certificate.pem()),
            key: write("server.key", key.serialize_pem()),
            authority: write("authority.pem", signed.pem()),
        }
    }
}
