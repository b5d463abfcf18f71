//! Sessions of libunftp that bind their passive ports themselves: how they are ended.

use super::super::events::NoEvents;
use super::super::transfers::Transfers;
use super::*;
use ::libunftp::ServerBuilder;
use mux_core::Client;
use std::fs::File;
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use unftp_core::auth::DefaultUser;
use unftp_sbe_fs::Filesystem;

/// A hang guard, not a measure.
const GUARD: Duration = Duration::from_secs(60);

/// More than the socket buffers of both ends hold.
const LARGE: u64 = 32 << 20;

struct Running {
    client: Ftp,
    task: JoinHandle<io::Result<SessionEnd>>,
    stop: CancellationToken,
    cut: CancellationToken,
    _root: TempDir,
}

/// A session that is logged in, in a directory with a file `large`.
async fn session() -> Running {
    let root = tempfile::tempdir().unwrap();
    File::create(root.path().join("large")).unwrap().set_len(LARGE).unwrap();
    let path = root.path().to_owned();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stream, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let transfers = Transfers::new(cut.clone());
    let client = Client::from(address);
    let shared = Arc::new(Shared::new(client, transfers, None, Arc::new(NoEvents)));
    let tracked = Arc::clone(&shared);
    let server = ServerBuilder::<_, DefaultUser>::new(Box::new(move || {
        Tracked::new(Filesystem::new(&path).unwrap(), Arc::clone(&tracked))
    }))
    .build()
    .unwrap();
    let stream_of_server = accepted.unwrap().0;
    let session = Session {
        stream: stream_of_server,
        server,
        shared,
        limits: watch::Limits { login: GUARD, idle: None, command: 65_536 },
        lease: None,
        farewell: true,
    };
    let task = tokio::spawn(session.run(stop.clone()));

    let mut client = Ftp(BufStream::new(stream.unwrap()));
    client.expect("220").await;
    client.command("USER anonymous", "331").await;
    client.command("PASS guest", "230").await;
    Running { client, task, stop, cut, _root: root }
}

struct Ftp(BufStream<TcpStream>);

impl Ftp {
    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(GUARD, self.0.read_line(&mut line)).await.unwrap().unwrap();
        line
    }

    async fn expect(&mut self, code: &str) -> String {
        let line = self.line().await;
        assert!(line.starts_with(code), "{line:?} instead of {code}");
        line
    }

    async fn command(&mut self, command: &str, code: &str) -> String {
        self.0.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
        self.expect(code).await
    }

    async fn passive(&mut self) -> TcpStream {
        let reply = self.command("EPSV", "229").await;
        let port: u16 = reply.split('|').nth(3).unwrap().parse().unwrap();
        TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap()
    }

    /// Begins a download that cannot end before it is read.
    async fn download(&mut self) -> TcpStream {
        let mut data = self.passive().await;
        self.command("RETR large", "150").await;
        data.read_exact(&mut [0; 1000]).await.unwrap();
        data
    }

    async fn expect_end(&mut self) {
        assert_eq!(self.line().await, "");
    }
}

#[tokio::test]
async fn an_idle_session_is_told_and_ended() {
    let mut running = session().await;
    running.stop.cancel();
    assert_eq!(running.client.line().await, "421 Service shutting down.\r\n");
    running.client.expect_end().await;
    timeout(GUARD, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_transfer_is_finished_before_its_session_is_told() {
    let mut running = session().await;
    let mut data = running.client.download().await;
    running.stop.cancel();
    tokio::time::sleep(REPLY_MOMENT * 2).await;
    assert!(!running.task.is_finished());

    let mut rest = Vec::new();
    timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest.len() as u64, LARGE - 1000);
    running.client.expect("226").await;
    running.client.expect("421").await;
    running.client.expect_end().await;
    timeout(GUARD, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn an_upload_is_finished_too() {
    let mut running = session().await;
    let mut data = running.client.passive().await;
    running.client.command("STOR new", "150").await;
    data.write_all(b"first ").await.unwrap();
    // The storage sees the upload when the file is there.
    let file = running._root.path().join("new");
    timeout(GUARD, async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    running.stop.cancel();
    tokio::time::sleep(REPLY_MOMENT * 2).await;
    data.write_all(b"last").await.unwrap();
    drop(data);
    running.client.expect("226").await;
    running.client.expect("421").await;
    timeout(GUARD, running.task).await.unwrap().unwrap().unwrap();
    assert_eq!(std::fs::read(file).unwrap(), b"first last");
}

#[tokio::test]
async fn a_session_is_over_only_when_its_transfer_is() {
    let mut running = session().await;
    let mut data = running.client.download().await;
    drop(running.client);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!running.task.is_finished());
    let mut rest = Vec::new();
    timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest.len() as u64, LARGE - 1000);
    timeout(GUARD, running.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn dropping_a_session_closes_its_control_connection() {
    let mut running = session().await;
    running.task.abort();
    running.client.expect_end().await;
}

#[tokio::test]
async fn a_cut_ends_the_transfer() {
    let mut running = session().await;
    let mut data = running.client.download().await;
    running.cut.cancel();
    let mut rest = Vec::new();
    let _ = timeout(GUARD, data.read_to_end(&mut rest)).await.unwrap();
    assert!((rest.len() as u64) < LARGE - 1000);
    running.stop.cancel();
    timeout(GUARD, running.task).await.unwrap().unwrap().unwrap();
}
