//! curl.

use std::collections::BTreeSet;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Epsv, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::curl;
use mux_tests::{Endpoint, files};
use rstest::rstest;

use crate::{LENGTH, has_arrived, server};

#[rstest]
fn lists(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Curl);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let lines = curl(&to, &[&to.url("")], b"").text();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.lines().any(|line| line.ends_with(" down")), "{lines}");
    let names = curl(&to, &["--list-only", &to.url("")], b"").text();
    let names: BTreeSet<&str> = names.lines().collect();
    assert_eq!(names, ["directory", "down", "empty"].into());
    let inside = curl(&to, &["--list-only", &to.url("directory/")], b"").text();
    assert_eq!(inside.trim_end(), "inside");
}

/// Several files in one session, a port each.
#[rstest]
fn downloads(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Curl);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let paths = ["down", "empty", "directory/inside", "down"].map(|path| to.url(path));
    let bytes = curl(&to, &paths.each_ref().map(String::as_str), b"").succeeded();
    assert_eq!(bytes.len(), 3 * LENGTH);
    for (bytes, owner) in bytes.chunks(LENGTH).zip(["down", "inside", "down"]) {
        files::assert_own(owner, LENGTH, bytes);
    }
    let rest = curl(&to, &["--continue-at", "100000", &to.url("down")], b"").succeeded();
    assert_eq!(rest, files::content("down", LENGTH)[100_000..]);
}

#[rstest]
fn uploads(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Curl);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let put = |path: &str, bytes: &[u8]| {
        let _ = curl(&to, &["--upload-file", "-", &to.url(path)], bytes).succeeded();
    };
    put("up", &files::content("up", LENGTH));
    has_arrived(&server, "up", "up", LENGTH);
    put("directory/up", &files::content("another", LENGTH));
    has_arrived(&server, "directory/up", "another", LENGTH);
    put("nothing", b"");
    has_arrived(&server, "nothing", "nothing", 0);
}

/// A missing file is no reason to end the session: what is asked for after it arrives.
#[rstest]
fn asks_for_what_is_not_there(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Curl);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let missing = curl(&to, &[&to.url("missing")], b"");
    assert_eq!(missing.status.code(), Some(78), "CURLE_REMOTE_FILE_NOT_FOUND: {missing:?}");
    let missing = curl(&to, &["--list-only", &to.url("nowhere/")], b"");
    assert_eq!(missing.status.code(), Some(9), "CURLE_REMOTE_ACCESS_DENIED: {missing:?}");
    let both = curl(&to, &[&to.url("missing"), &to.url("down")], b"");
    files::assert_own("down", LENGTH, &both.stdout);
}
