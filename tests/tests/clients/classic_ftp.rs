//! The classic `ftp`, in two descents.

use std::fs;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::Plain;
use mux_tests::Way::{self, Ipv4Epsv, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::tools::Classic::{self, Inetutils, Tnftp};
use mux_tests::tools::classic;
use mux_tests::{Endpoint, files};
use rstest::rstest;

use crate::{LENGTH, has_arrived, server};

#[rstest]
fn does_it_all(
    #[values(Muxftpd)] program: Program,
    #[values(Tnftp, Inetutils)] which: Classic,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
) {
    needs!(program, way, which);
    let server = server(program, Plain);
    let to = Endpoint::new(&server, way, Plain);
    let local = tempfile::tempdir().unwrap();
    for name in ["up", "another"] {
        fs::write(local.path().join(name), files::content(name, LENGTH)).unwrap();
    }
    fs::write(local.path().join("nothing"), b"").unwrap();
    let script = format!(
        "lcd {}\nls\nnlist . names\nget down\nget empty\nget missing\nput up\nput nothing\n\
         cd directory\nget inside\nput another",
        local.path().display()
    );
    let said = classic(which, &to, &script).text();

    let lines = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    let granted = [lines("227 "), lines("229 ")];
    match way {
        Ipv4Pasv => assert!(granted[0] >= 9 && granted[1] == 0, "{said}"),
        Ipv4Epsv | Ipv6Epsv => assert!(granted[0] == 0 && granted[1] >= 9, "{said}"),
    }
    assert_eq!((lines("226 "), lines("550 ")), (8, 1), "{said}");
    assert!(said.lines().any(|line| line.trim_end().ends_with(" down")), "{said}");
    let read = |name: &str| fs::read(local.path().join(name)).unwrap();
    let names = String::from_utf8(read("names")).unwrap();
    assert_eq!(names.split_whitespace().count(), 3, "{names}");
    files::assert_own("down", LENGTH, &read("down"));
    files::assert_own("inside", LENGTH, &read("inside"));
    assert_eq!(read("empty"), b"");
    has_arrived(&server, "up", "up", LENGTH);
    has_arrived(&server, "nothing", "nothing", 0);
    has_arrived(&server, "directory/another", "another", LENGTH);
}

/// The client asks for the names with a wildcard, and fetches each.
#[rstest]
fn fetches_by_wildcard(#[values(Tnftp, Inetutils)] which: Classic) {
    needs!(which);
    let server = server(Muxftpd, Plain);
    for name in ["one.csv", "two.csv", "three.txt"] {
        server.put(name, &files::content(name, 1000));
    }
    let to = Endpoint::new(&server, Ipv4Epsv, Plain);
    let local = tempfile::tempdir().unwrap();
    let _ = classic(which, &to, &format!("lcd {}\nmget *.csv", local.path().display())).text();
    for name in ["one.csv", "two.csv"] {
        files::assert_own(name, 1000, &fs::read(local.path().join(name)).unwrap());
    }
    assert!(!local.path().join("three.txt").exists());
}
