//! What all servers have in common.

use mux_tests::certificate::Certificate;
use std::path::PathBuf;

/// Where they find what they serve, and their programs.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) root: PathBuf,
    /// For configurations.
    pub(super) scratch: PathBuf,
    pub(super) muxftpd: PathBuf,
    /// Another muxftpd to compare with.
    pub(super) earlier: Option<PathBuf>,
    pub(super) certificate: Certificate,
}
