//! The harness against a server that is known: libunftp as it comes, which opens a port of its own
//! for each passive command. What fails here is the harness, or libunftp, never the multiplexer.

use std::net::{SocketAddr, TcpListener};

use libunftp::ServerBuilder;
use mux_tests::guard::obtained;
use mux_tests::{Client, Ending, Ports, address, data, files};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use unftp_sbe_fs::Filesystem;

/// A plain libunftp server, which ends with its runtime.
struct Plain {
    control: SocketAddr,
    ports: Ports,
    root: TempDir,
    _runtime: Runtime,
}

fn plain() -> Plain {
    let root = TempDir::new().unwrap();
    let ports = Ports::consecutive(9);
    let control = TcpListener::bind((address::SERVER, 0)).unwrap().local_addr().unwrap();
    let path = root.path().to_owned();
    let range = ports.first()..=ports.first() + 8;
    let runtime = Runtime::new().unwrap();
    runtime.spawn(async move {
        let storage = Box::new(move || Filesystem::new(path.clone()).unwrap());
        let server = ServerBuilder::new(storage).passive_ports(range).build().unwrap();
        server.listen(control.to_string()).await.unwrap();
    });
    Plain { control, ports, root, _runtime: runtime }
}

impl Plain {
    fn login(&self, client: u16) -> Client {
        obtained("the server listens", || {
            Client::try_login(address::client(client), self.control).ok()
        })
    }
}

#[test]
fn a_file_comes_over_both_passive_commands() {
    let server = plain();
    std::fs::write(server.root.path().join("one"), files::content("one", 100_000)).unwrap();
    let mut client = server.login(1);
    files::assert_own("one", 100_000, &client.retr("one"));
    let port = client.epsv();
    assert!(server.ports.contains(port.port()));
    files::assert_own("one", 100_000, &client.retr_from(port, "one"));
    assert!(client.list().contains("one"));
    client.expect("NOOP", 200);
    client.quit();
}

#[test]
fn a_file_goes_up() {
    let server = plain();
    let mut client = server.login(2);
    client.stor("two", &files::content("two", 50_000));
    files::assert_own("two", 50_000, &std::fs::read(server.root.path().join("two")).unwrap());
}

#[test]
fn replies_of_many_lines_are_read() {
    let server = plain();
    let mut client = server.login(3);
    assert!(client.expect("FEAT", 211).lines.len() > 2);
    assert!(client.is_silent());
}

#[test]
fn where_nobody_listens_a_connection_is_refused() {
    let ports = Ports::consecutive(1);
    let to = (address::SERVER, ports.first()).into();
    let ending = data::unserved(data::Data::connect(address::client(4), to));
    assert_eq!(ending, Ending::Refused);
}
