//! wget.

use std::fs;

use mux_tests::Program::Muxftpd;
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::tools::{Tool, url_for_wget, wget};
use mux_tests::{Endpoint, files};
use rstest::rstest;

use crate::{LENGTH, server};

#[rstest]
fn downloads(#[values(Ipv4Pasv, Ipv6Epsv)] way: Way, #[values(Plain, Tls)] security: Security) {
    needs!(way, Tool::Wget);
    let server = server(Muxftpd, security);
    let to = Endpoint::new(&server, way, security);
    for (path, owner) in [("down", "down"), ("directory/inside", "inside")] {
        let bytes = wget(&to, &["-O", "-", &url_for_wget(&to, security, path)]).succeeded();
        files::assert_own(owner, LENGTH, &bytes);
    }
}

/// It asks once, is told once that there is none, and says so.
#[rstest]
fn a_missing_file_is_one_answer(#[values(Plain, Tls)] security: Security) {
    needs!(Tool::Wget);
    let server = server(Muxftpd, security);
    let to = Endpoint::new(&server, Ipv4Pasv, security);
    let missing = wget(&to, &["-O", "-", &url_for_wget(&to, security, "missing")]);
    assert_eq!(missing.status.code(), Some(8), "the server says no: {missing:?}");
    let tries = missing.stderr.matches("No such file").count();
    assert_eq!(tries, 1, "{}", missing.stderr);
}

#[rstest]
fn a_tree_comes_down_with_wildcards(#[values(Plain, Tls)] security: Security) {
    needs!(Tool::Wget);
    let server = server(Muxftpd, security);
    for name in ["one.csv", "two.csv", "three.txt"] {
        server.put(name, &files::content(name, 1000));
    }
    let to = Endpoint::new(&server, Ipv4Pasv, security);
    let local = tempfile::tempdir().unwrap();
    let into = local.path().display().to_string();
    let url = url_for_wget(&to, security, "*.csv");
    let _ = wget(&to, &["--directory-prefix", &into, &url]).succeeded();
    let mut names: Vec<_> = fs::read_dir(local.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["one.csv", "two.csv"]);
    files::assert_own("two.csv", 1000, &fs::read(local.path().join("two.csv")).unwrap());
}
