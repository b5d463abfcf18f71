//! A server on a mux, in this process, and its clients on several loopback addresses.

mod machine;

use ftp_adapter::{CancellationToken, MuxServer};
use libunftp::ServerBuilder;
use mux_core::mux::probe_steering;
use mux_core::{Mux, PortSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use unftp_core::auth::DefaultUser;
use unftp_sbe_fs::Filesystem;

/// A hang guard, not a measure.
const GUARD: Duration = Duration::from_secs(60);
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// More than the socket buffers of both ends hold.
const LARGE: u64 = 32 << 20;

struct Server {
    mux: Mux,
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<usize>,
    root: TempDir,
}

type Libunftp = MuxServer<Filesystem, DefaultUser>;

/// A server with one passive port, that serves files `one` and `two` with their names in them, and
/// `large`.
async fn server(wait: Duration, set_up: impl FnOnce(Libunftp) -> Libunftp) -> Server {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("one"), "the file one").unwrap();
    fs::write(root.path().join("two"), "the file two").unwrap();
    fs::File::create(root.path().join("large")).unwrap().set_len(LARGE).unwrap();
    let path = root.path().to_owned();

    let mux = one_port_mux(wait).await;
    let server = MuxServer::new(mux.clone(), move || {
        let path = path.clone();
        ServerBuilder::new(Box::new(move || Filesystem::new(&path).unwrap()))
    });
    let server = set_up(server.unwrap().drain_timeout(GUARD));
    let listener = TcpListener::bind((SERVER, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.serve([listener], shutdown.clone()));
    Server { mux, address, shutdown, serving, root }
}

/// On a port that was free a moment ago: others may take it in between.
async fn one_port_mux(wait: Duration) -> Mux {
    for _ in 0..20 {
        let free = TcpListener::bind((SERVER, 0)).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let ports = PortSet::new([port..=port]).unwrap();
        let builder = Mux::builder(ports).addresses([SERVER]).wait(wait).steering(true);
        if let Ok(mux) = builder.bind() {
            return mux;
        }
    }
    panic!("no free port");
}

impl Server {
    /// A client on 127.0.0.`number`, logged in.
    async fn client(&self, number: u8) -> Client {
        let source = Ipv4Addr::new(127, 0, 0, number);
        let control = connect(source, self.address).await;
        let mut client = Client { source, control: BufStream::new(control) };
        client.expect("220").await;
        client.command("USER anonymous", "331").await;
        client.command("PASS guest", "230").await;
        client
    }

    /// Shuts the server down and returns how many sessions were cut.
    async fn stop(self) -> usize {
        self.shutdown.cancel();
        timeout(GUARD, self.serving).await.unwrap().unwrap()
    }
}

async fn connect(source: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    timeout(GUARD, socket.connect(to)).await.unwrap().unwrap()
}

/// The address that a reply to `PASV` names.
fn passive(reply: &str) -> SocketAddr {
    let numbers = reply.split(['(', ')']).nth(1).unwrap();
    let numbers: Vec<u8> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
    let [a, b, c, d, high, low] = numbers[..] else { panic!("{reply:?}") };
    SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low])))
}

struct Client {
    source: Ipv4Addr,
    control: BufStream<TcpStream>,
}

impl Client {
    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(GUARD, self.control.read_line(&mut line)).await.unwrap().unwrap();
        line
    }

    async fn expect(&mut self, code: &str) -> String {
        let line = self.line().await;
        assert!(line.starts_with(code), "{line:?} instead of {code:?}");
        line
    }

    async fn send(&mut self, command: &str) {
        self.control.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        self.control.flush().await.unwrap();
    }

    async fn command(&mut self, command: &str, code: &str) -> String {
        self.send(command).await;
        self.expect(code).await
    }

    async fn pasv(&mut self) -> SocketAddr {
        passive(&self.command("PASV", "227").await)
    }

    async fn connect(&self, to: SocketAddr) -> TcpStream {
        connect(self.source, to).await
    }

    async fn retrieve(&mut self, file: &str, mut data: TcpStream) -> String {
        self.command(&format!("RETR {file}"), "150").await;
        let mut content = String::new();
        timeout(GUARD, data.read_to_string(&mut content)).await.unwrap().unwrap();
        self.expect("226").await;
        content
    }
}

#[tokio::test]
async fn clients_share_a_port_and_get_each_its_own() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut one = server.client(1).await;
    let mut two = server.client(2).await;
    let (to_one, to_two) = (one.pasv().await, two.pasv().await);
    assert_eq!(to_one, to_two);
    assert!(server.mux.ports().contains(to_one.port()));
    // In the opposite order, so that an accept in order would be wrong.
    let data_two = two.connect(to_two).await;
    let data_one = one.connect(to_one).await;
    assert_eq!(one.retrieve("one", data_one).await, "the file one");
    assert_eq!(two.retrieve("two", data_two).await, "the file two");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_session_uses_its_port_again_and_again() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::from_secs(30), |it| it).await;
    let mut client = server.client(1).await;
    for _ in 0..20 {
        let to = client.pasv().await;
        let data = client.connect(to).await;
        assert_eq!(client.retrieve("one", data).await, "the file one");
    }
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_new_pasv_replaces_the_session_s_own_reservation() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut client = server.client(1).await;
    let before = client.pasv().await;
    let now = client.pasv().await;
    assert_eq!(before, now);
    let data = client.connect(now).await;
    assert_eq!(client.retrieve("two", data).await, "the file two");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_second_session_of_a_client_is_refused_with_425_while_the_port_is_taken() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut first = server.client(1).await;
    let mut second = server.client(1).await;
    let to = first.pasv().await;
    second.command("PASV", "425").await;
    second.command("EPSV", "425").await;
    let data = first.connect(to).await;
    assert_eq!(first.retrieve("one", data).await, "the file one");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn the_port_of_a_session_comes_back_when_it_ends() {
    needs!(machine::steering(probe_steering));
    let server = server(GUARD, |it| it).await;
    for how in ["QUIT", "close"] {
        let mut first = server.client(1).await;
        let mut second = server.client(1).await;
        first.pasv().await;
        second.send("PASV").await;
        if how == "QUIT" {
            first.command("QUIT", "221").await;
        }
        drop(first);
        // Waits in line until then, far shorter than the reservation would have lived.
        second.expect("227").await;
    }
    assert_eq!(server.stop().await, 0);
}

/// libunftp keeps each for 300 s, and its descriptor with it.
#[tokio::test]
async fn a_session_that_uses_no_data_connection_is_refused_at_last() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::from_secs(30), |it| it).await;
    let mut wasteful = server.client(40).await;
    let mut connections = 0;
    loop {
        wasteful.send("PASV").await;
        let reply = wasteful.line().await;
        if reply.starts_with("425") {
            break;
        }
        drop(wasteful.connect(passive(&reply)).await);
        connections += 1;
        assert!(connections < 300, "each holds a descriptor");
    }
    assert!(connections >= 32, "refused after {connections}");
    wasteful.command("EPSV", "425").await;
    // Another session of the same client is not.
    let mut other = server.client(40).await;
    for _ in 0..20 {
        let to = other.pasv().await;
        let data = other.connect(to).await;
        assert_eq!(other.retrieve("one", data).await, "the file one");
    }
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_client_whose_sessions_use_no_data_connection_is_refused_at_last() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::from_secs(30), |it| it).await;
    let mut refused = false;
    // It is refused at 256 at the latest, however many descriptors there are.
    for _ in 0..300 {
        let mut wasteful = server.client(41).await;
        wasteful.send("PASV").await;
        let reply = wasteful.line().await;
        refused = reply.starts_with("425");
        if refused {
            break;
        }
        drop(wasteful.connect(passive(&reply)).await);
        wasteful.command("QUIT", "221").await;
    }
    assert!(refused, "each holds a descriptor, also after QUIT");
    let mut other = server.client(42).await;
    let to = other.pasv().await;
    let data = other.connect(to).await;
    assert_eq!(other.retrieve("one", data).await, "the file one");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_drain_lets_a_transfer_finish_and_tells_everyone() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut idle = server.client(1).await;
    let mut pending = server.client(2).await;
    let to = pending.pasv().await;
    let mut busy = server.client(3).await;
    let to_busy = busy.pasv().await;
    let mut data = busy.connect(to_busy).await;
    busy.command("RETR large", "150").await;
    data.read_exact(&mut [0; 1000]).await.unwrap();

    server.shutdown.cancel();
    idle.expect("421").await;
    idle.expect("").await;
    pending.expect("421").await;
    assert_eq!(to, to_busy);
    assert!(!server.serving.is_finished());

    let mut rest = Vec::new();
    timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest.len() as u64, LARGE - 1000);
    busy.expect("226").await;
    busy.expect("421").await;
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it.drain_timeout(Duration::from_millis(100))).await;
    let mut busy = server.client(1).await;
    let to = busy.pasv().await;
    let mut data = busy.connect(to).await;
    busy.command("RETR large", "150").await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    assert_eq!(server.stop().await, 1);
    let mut rest = Vec::new();
    let _ = timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap();
    assert!((rest.len() as u64) < LARGE - 1000);
}

#[tokio::test]
async fn a_drain_lets_an_upload_finish() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut busy = server.client(1).await;
    let to = busy.pasv().await;
    let mut data = busy.connect(to).await;
    busy.command("STOR new", "150").await;
    data.write_all(b"first ").await.unwrap();
    server.shutdown.cancel();
    // Long enough for a session without a transfer to be ended.
    tokio::time::sleep(Duration::from_secs(1)).await;
    data.write_all(b"last").await.unwrap();
    drop(data);
    busy.expect("226").await;
    busy.expect("421").await;
    assert_eq!(fs::read(server.root.path().join("new")).unwrap(), b"first last");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_drain_waits_for_a_transfer_whose_session_has_ended() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut gone = server.client(1).await;
    let to = gone.pasv().await;
    let mut data = gone.connect(to).await;
    gone.command("RETR large", "150").await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    drop(gone);
    server.shutdown.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!server.serving.is_finished());
    let mut rest = Vec::new();
    timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest.len() as u64, LARGE - 1000);
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn dropping_the_server_cuts_all() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut idle = server.client(1).await;
    let mut busy = server.client(2).await;
    let to = busy.pasv().await;
    let mut data = busy.connect(to).await;
    busy.command("RETR large", "150").await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    server.serving.abort();
    idle.expect("").await;
    let mut rest = Vec::new();
    let _ = timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap();
    assert!((rest.len() as u64) < LARGE - 1000);
}

#[tokio::test]
async fn who_does_not_log_in_is_told_and_ended() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it.login_timeout(Duration::from_millis(300))).await;
    let mut logged_in = server.client(1).await;
    let control = connect(Ipv4Addr::new(127, 0, 0, 2), server.address).await;
    let mut silent =
        Client { source: Ipv4Addr::new(127, 0, 0, 2), control: BufStream::new(control) };
    silent.expect("220").await;
    silent.expect("421 No login in time").await;
    silent.expect("").await;
    logged_in.command("NOOP", "200").await;
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_command_without_end_is_noticed() {
    needs!(machine::steering(probe_steering));
    let server = server(Duration::ZERO, |it| it).await;
    let mut endless = server.client(1).await;
    let send = async { while endless.control.write_all(&[b'x'; 4096]).await.is_ok() {} };
    timeout(GUARD, send).await.expect("its connection is reset");
    let mut other = server.client(1).await;
    other.command("NOOP", "200").await;
    assert_eq!(server.stop().await, 0);
}
