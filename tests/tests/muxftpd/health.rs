//! What balancers and orchestrators ask: whether the server is well, and whether it is ready.

use mux_tests::guard::eventually;
use mux_tests::{Client, Server, address, files};
use nix::sys::signal::Signal::SIGTERM;

use crate::launch;
use crate::metrics::{address_of, get};

fn says(server: &Server, path: &str, status: &str, text: &str) -> bool {
    let answer = get(address_of(server), path);
    answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(text)
}

#[test]
fn it_is_not_ready_before_it_stops_to_listen() {
    let mut server =
        launch().option("--metrics", "127.0.0.1:0").option("--drain-delay", "7d").start();
    server.put("file", &files::content("file", 10_000));
    assert!(says(&server, "/healthz", "200", "\r\n\r\nok\n"));
    assert!(says(&server, "/readyz", "200", "\r\n\r\nready\n"));
    assert!(get(address_of(&server), "/nothing").starts_with("HTTP/1.1 404"));

    server.signal(SIGTERM);
    eventually("it is not ready", || says(&server, "/readyz", "503", "\r\n\r\ndraining\n"));
    assert!(says(&server, "/healthz", "200", "\r\n\r\nok\n"));
    // Who comes all the same is served.
    let mut client = Client::login(address::client(1), server.control());
    files::assert_own("file", 10_000, &client.retr("file"));
    assert!(server.said().contains("SIGTERM: not ready any more, shutting down in 7days"));

    server.signal(SIGTERM);
    assert_eq!(server.wait().code(), Some(143));
}

#[test]
fn after_the_delay_it_drains() {
    let mut server =
        launch().option("--metrics", "127.0.0.1:0").option("--drain-delay", "100ms").start();
    let mut client = Client::login(address::client(1), server.control());
    server.signal(SIGTERM);
    client.expect_reply(421);
    assert_eq!(server.wait().code(), Some(0));
    let said = server.said();
    let (ready, drains) = (said.find("not ready any more"), said.find("transfers have up to"));
    assert!(ready.is_some() && ready < drains, "{said}");
}
