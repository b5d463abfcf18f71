//! A mirror of two thousand small files with lftp, ten at once, on nine ports.

use std::fs;
use std::path::Path;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::Ipv4Epsv;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::lftp;
use mux_tests::{Endpoint, Launch, Ports, files};
use rstest::rstest;

const DIRECTORIES: usize = 20;
const FILES_EACH: usize = 100;

/// The name and length of every file.
fn tree() -> impl Iterator<Item = (String, usize)> {
    (0..DIRECTORIES).flat_map(|directory| {
        (0..FILES_EACH).map(move |n| (format!("{directory}/{n}"), (directory + n * 37) % 3000))
    })
}

fn plant(root: &Path) {
    for directory in 0..DIRECTORIES {
        fs::create_dir_all(root.join(directory.to_string())).unwrap();
    }
    for (name, length) in tree() {
        fs::write(root.join(&name), files::content(&name, length)).unwrap();
    }
}

#[track_caller]
fn has_grown(root: &Path) {
    for (name, length) in tree() {
        files::assert_own(&name, length, &fs::read(root.join(&name)).unwrap());
    }
    let count = fs::read_dir(root)
        .unwrap()
        .map(|directory| fs::read_dir(directory.unwrap().path()).unwrap().count());
    assert_eq!(count.sum::<usize>(), DIRECTORIES * FILES_EACH);
}

#[track_caller]
fn mirror(to: &Endpoint, what: &str) {
    let _ = lftp(to, &format!("mirror --parallel=10 {what}")).succeeded();
}

#[rstest]
fn comes_down_whole(#[values(Muxftpd)] program: Program, #[values(Plain, Tls)] security: Security) {
    needs!(program, Tool::Lftp);
    let launch = Launch::new(program, &Ports::consecutive(9)).security(security);
    let server = launch.option("--wait", "50s").start();
    plant(server.root());
    let local = tempfile::tempdir().unwrap();
    let to = Endpoint::new(&server, Ipv4Epsv, security);
    mirror(&to, &format!("/ {}", local.path().display()));
    has_grown(local.path());
}

#[rstest]
fn goes_up_whole(#[values(Muxftpd)] program: Program, #[values(Plain, Tls)] security: Security) {
    needs!(program, Tool::Lftp);
    let launch = Launch::new(program, &Ports::consecutive(9)).security(security);
    let server = launch.flag("--writable").option("--wait", "50s").start();
    let local = tempfile::tempdir().unwrap();
    plant(local.path());
    let to = Endpoint::new(&server, Ipv4Epsv, security);
    mirror(&to, &format!("--reverse {} /", local.path().display()));
    has_grown(server.root());
}
