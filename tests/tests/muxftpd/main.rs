//! What `muxftpd` has and other servers here have not: users, limits, configuration, numbers.

use mux_tests::{Client, Launch, Ports, Server, address};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use mux_tests::Program::Muxftpd;

mod behind_one_nat;
mod check;
mod config;
mod drain_over_tls;
mod environment;
mod failures;
mod health;
mod homes_and_read_only;
mod login_throttle;
mod logs;
mod metrics;
mod proxy;
mod renewal;
mod session_caps;
mod tls_data;
mod tls_required;
mod tls_resumption;
mod users;

/// What to start a server on two ports with.
fn launch() -> Launch {
    Launch::new(Muxftpd, &Ports::consecutive(2))
}

/// Writes a users file into `directory`; returns its path.
fn users_file(directory: &Path, json: &str) -> String {
    let path = directory.join("users.json");
    fs::write(&path, json).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A session of `user`, not logged in if the password is wrong.
fn try_login(source: u16, server: SocketAddr, user: &str, password: &str) -> (Client, bool) {
    let mut client = Client::connect(address::client(source), server).unwrap();
    client.expect(&format!("USER {user}"), 331);
    let reply = client.command(&format!("PASS {password}"));
    assert!([230, 530].contains(&reply.code), "{reply}");
    (client, reply.code == 230)
}

/// A session of `user`.
#[track_caller]
fn login(server: &Server, user: &str, password: &str) -> Client {
    let (mut client, is_in) = try_login(1, server.control(), user, password);
    assert!(is_in, "{user} is not let in");
    client.expect("TYPE I", 200);
    client
}
