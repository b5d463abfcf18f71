//! rclone, with many transfers at once on few ports.

use std::fs;

use mux_tests::Program::Muxftpd;
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{Ipv4Epsv, Ipv4Pasv};
use mux_tests::needs;
use mux_tests::tools::{Tool, rclone};
use mux_tests::{Endpoint, Launch, Ports, Way, files};
use rstest::rstest;

const FILES: usize = 500;

fn length(n: usize) -> usize {
    n * 37 % 3000
}

/// Into a directory that is not there yet, and back.
#[rstest]
fn copies_five_hundred_files_on_four_ports(
    #[values(Ipv4Pasv, Ipv4Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(Tool::Rclone);
    let launch = Launch::new(Muxftpd, &Ports::consecutive(4)).security(security);
    let server = launch.flag("--writable").option("--wait", "50s").start();
    let to = Endpoint::new(&server, way, security);
    let local = tempfile::tempdir().unwrap();
    let path = |directory: &str| local.path().join(directory).display().to_string();
    fs::create_dir(path("up")).unwrap();
    let name = |n: usize| format!("file-{n}");
    for n in 0..FILES {
        fs::write(local.path().join("up").join(name(n)), files::content(&name(n), length(n)))
            .unwrap();
    }

    let many = ["--transfers", "16", "--checkers", "8"];
    let copy = |from: &str, to_where: &str| {
        let arguments = [&["copy", from, to_where], &many[..]].concat();
        let _ = rclone(&to, &arguments).text();
    };
    copy(&path("up"), "server:new/directory");
    for n in 0..FILES {
        let there = fs::read(server.root().join("new/directory").join(name(n))).unwrap();
        files::assert_own(&name(n), length(n), &there);
    }
    copy("server:new", &path("down"));
    for n in 0..FILES {
        let here = fs::read(local.path().join("down/directory").join(name(n))).unwrap();
        files::assert_own(&name(n), length(n), &here);
    }
    // It has set the files' own times, so that a second copy has nothing to do.
    let again = ["copy", &path("up"), "server:new/directory", "--dry-run", "-v"];
    let said = rclone(&to, &again).stderr;
    assert!(!said.contains("Skipped copy"), "{said}");
}

#[rstest]
fn moves_and_deletes(#[values(Plain, Tls)] security: Security) {
    needs!(Tool::Rclone);
    let server = crate::server(Muxftpd, security);
    let to = Endpoint::new(&server, Ipv4Epsv, security);
    let names = |directory: &str| rclone(&to, &["lsf", directory]).text();
    assert_eq!(names("server:"), "directory/\ndown\nempty\n");
    let _ = rclone(&to, &["moveto", "server:down", "server:directory/moved"]).text();
    crate::has_arrived(&server, "directory/moved", "down", crate::LENGTH);
    assert_eq!(names("server:"), "directory/\nempty\n");
    let _ = rclone(&to, &["purge", "server:directory"]).text();
    assert!(!server.root().join("directory").exists());
    let missing = rclone(&to, &["lsf", "server:missing"]);
    assert_eq!(missing.status.code(), Some(3), "directory not found: {missing:?}");
}
