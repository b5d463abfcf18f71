//! Clients written by others, against both servers, over every way to reach them.

use std::fs;

use mux_tests::{Launch, Ports, Program, Security, Server, files};

mod basic_ftp;
mod classic_ftp;
mod curl;
mod lftp;
mod mirror;
mod parallel;
mod python_ftplib;
mod rclone;
mod scripting;
mod suppaftp;
mod tls;
mod uploads;
mod wget;

const LENGTH: usize = 300_000;

/// A server on three ports that takes uploads. It has a file, an empty one and a directory.
fn server(program: Program, security: Security) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(3)).and_ipv6();
    let server = launch.security(security).flag("--writable").start();
    server.put("down", &files::content("down", LENGTH));
    server.put("empty", b"");
    fs::create_dir(server.root().join("directory")).unwrap();
    server.put("directory/inside", &files::content("inside", LENGTH));
    server
}

/// Checks that `name` was uploaded, all of it.
#[track_caller]
fn has_arrived(server: &Server, name: &str, owner: &str, length: usize) {
    files::assert_own(owner, length, &fs::read(server.root().join(name)).unwrap());
}
