//! lftp.

use std::collections::BTreeSet;
use std::fs;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Epsv, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::lftp;
use mux_tests::{Endpoint, files};
use rstest::rstest;

use crate::{LENGTH, has_arrived, server};

#[rstest]
fn lists(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Lftp);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let lines = lftp(&to, "ls").text();
    assert!(lines.lines().any(|line| line.ends_with(" down")), "{lines}");
    let names = lftp(&to, "nlist").text();
    assert_eq!(names.lines().collect::<BTreeSet<_>>(), ["directory", "down", "empty"].into());
    let inside = lftp(&to, "cd directory\nnlist").text();
    assert_eq!(inside.trim_end(), "inside");
}

/// Several files in one session, and the rest of one of which a part is there.
#[rstest]
fn downloads(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Lftp);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let local = tempfile::tempdir().unwrap();
    let path = local.path().display();
    fs::write(local.path().join("part"), files::content("down", 100_000)).unwrap();
    let script = format!(
        "get down -o {path}/whole\nget empty -o {path}/empty\n\
         get directory/inside -o {path}/inside\nget -c down -o {path}/part"
    );
    let _ = lftp(&to, &script).succeeded();
    let read = |name: &str| fs::read(local.path().join(name)).unwrap();
    files::assert_own("down", LENGTH, &read("whole"));
    files::assert_own("down", LENGTH, &read("part"));
    files::assert_own("inside", LENGTH, &read("inside"));
    assert_eq!(read("empty"), b"");
}

#[rstest]
fn uploads(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Lftp);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let local = tempfile::tempdir().unwrap();
    let path = local.path().display();
    for (name, length) in [("one", LENGTH), ("two", 1), ("three", 0)] {
        fs::write(local.path().join(name), files::content(name, length)).unwrap();
    }
    let script =
        format!("put {path}/one {path}/two {path}/three\ncd directory\nput {path}/one -o another");
    let _ = lftp(&to, &script).succeeded();
    has_arrived(&server, "one", "one", LENGTH);
    has_arrived(&server, "two", "two", 1);
    has_arrived(&server, "three", "three", 0);
    has_arrived(&server, "directory/another", "one", LENGTH);
}

#[rstest]
fn asks_for_what_is_not_there(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Lftp);
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let missing = lftp(&to, "get missing -o /dev/null");
    assert!(!missing.status.success(), "{missing:?}");
    assert!(missing.stderr.contains("550"), "{missing:?}");
    let both = lftp(&to, "set cmd:fail-exit no\nget missing -o /dev/null\ncat down");
    files::assert_own("down", LENGTH, &both.stdout);
}
