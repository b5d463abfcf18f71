//! FTP commands of several sessions, connections and the passing of time, against a plain model.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use ftp_adapter::{Passive, PassiveSession, Reply};
use mux_core::mux::ReserveError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time;

use super::mux::{LIFETIME, SERVER, shared};

/// The client of each session: one has more sessions than there are ports.
const SESSIONS: [u8; 4] = [1, 1, 1, 2];
/// So many clients connect. The last one has no session.
const CLIENTS: u8 = 3;
/// More operations than this only take longer.
const MOST: usize = 100;
/// Against hanging. In real time, because the runtime's stands still.
const HANG: Duration = Duration::from_secs(60);

const ARGUMENTS: [&str; 8] = ["", "1", "2", "ALL", "all", "3", " 1 ", "|||"];

/// Every two bytes are an operation.
///
/// # Panics
///
/// If a session does something else than the model.
pub fn run(bytes: &[u8]) {
    let (operations, _) = bytes.as_chunks::<2>();
    shared(|runtime, passive| {
        runtime.block_on(async {
            let mut scene = Scene::new(passive);
            for &[kind, which] in operations.iter().take(MOST) {
                scene.apply(kind, usize::from(which)).await;
                scene.settle().await;
            }
            drop(scene);
            assert_eq!(passive.mux().stats().pending, 0, "something stays reserved");
        });
    });
}

/// A session, and what the model says it has.
struct Actor {
    session: PassiveSession,
    client: u8,
    only_epsv: bool,
    held: Option<Held>,
}

/// A reservation that a session has not used yet.
struct Held {
    port: u16,
    deadline: time::Instant,
    /// The client's end, once it has connected.
    connected: Option<TcpStream>,
}

impl Held {
    fn is_pending(&self) -> bool {
        self.connected.is_none() && time::Instant::now() < self.deadline
    }
}

struct Scene<'a> {
    passive: &'a Passive,
    actors: Vec<Actor>,
}

impl<'a> Scene<'a> {
    fn new(passive: &'a Passive) -> Self {
        let actor = |&client: &u8| Actor {
            session: passive.session((ip(client), 4000).into(), (SERVER, 21).into()),
            client,
            only_epsv: false,
            held: None,
        };
        Self { passive, actors: SESSIONS.iter().map(actor).collect() }
    }

    async fn apply(&mut self, kind: u8, which: usize) {
        let who = which % SESSIONS.len();
        let detail = which / SESSIONS.len();
        match kind % 10 {
            0 | 1 => self.pasv(who).await,
            2 => self.epsv(who, ARGUMENTS[detail % ARGUMENTS.len()]).await,
            3 => self.active_mode(who).await,
            4 => self.ends(who, detail).await,
            5 | 6 => self.connect(which as u8 % CLIENTS, which / usize::from(CLIENTS)).await,
            7 | 8 => self.data_connection(who).await,
            _ => time::advance(Duration::from_secs(1 + detail as u64 % 3)).await,
        }
    }

    async fn pasv(&mut self, who: usize) {
        let reply = self.actors[who].session.pasv().await;
        if self.actors[who].only_epsv {
            assert_eq!(reply, Reply::OnlyEpsv);
            return;
        }
        if let Reply::Passive(address) = reply {
            assert_eq!(*address.ip(), SERVER);
        }
        self.asked(who, reply).await;
    }

    async fn epsv(&mut self, who: usize, argument: &str) {
        let reply = self.actors[who].session.epsv(argument).await;
        match argument {
            "" | "1" | " 1 " => self.asked(who, reply).await,
            "2" => assert_eq!(reply, Reply::OnlyIpv4),
            "ALL" | "all" => {
                assert_eq!(reply, Reply::EpsvAll);
                self.actors[who].only_epsv = true;
            }
            _ => assert_eq!(reply, Reply::EpsvArgument),
        }
    }

    /// A port was asked for: the reservation before is over, and one of the free ports, if there
    /// is any, is the session's.
    async fn asked(&mut self, who: usize, reply: Reply) {
        self.is_over(who).await;
        let client = self.actors[who].client;
        let taken: Vec<u16> = self
            .actors
            .iter()
            .filter(|actor| actor.client == client)
            .filter_map(|actor| actor.held.as_ref().filter(|held| held.is_pending()))
            .map(|held| held.port)
            .collect();
        let ports = self.passive.mux().ports();
        let port = match reply {
            Reply::Passive(address) => address.port(),
            Reply::ExtendedPassive(port) => port,
            refusal => {
                assert_eq!(refusal, Reply::NoPort(ReserveError::NoFreePort));
                assert_eq!(taken.len(), ports.len(), "refused though a port is free");
                return;
            }
        };
        assert!(ports.contains(port) && !taken.contains(&port), "{port} is not free");
        let deadline = time::Instant::now() + LIFETIME;
        self.actors[who].held = Some(Held { port, deadline, connected: None });
    }

    async fn active_mode(&mut self, who: usize) {
        let allowed = self.actors[who].session.active_mode();
        if self.actors[who].only_epsv {
            assert_eq!(allowed, Err(Reply::OnlyEpsv));
        } else {
            assert_eq!(allowed, Ok(()));
            self.is_over(who).await;
        }
    }

    async fn ends(&mut self, who: usize, how: usize) {
        let actor = &mut self.actors[who];
        match how % 3 {
            0 => actor.session.end_reservation(),
            1 => {
                actor.session.reinitialize();
                actor.only_epsv = false;
            }
            _ => {
                let (peer, local) =
                    (actor.session.addresses().peer, actor.session.addresses().local);
                actor.session = self.passive.session(peer, local);
                actor.only_epsv = false;
            }
        }
        self.is_over(who).await;
    }

    /// The session's reservation has ended: a connection that had come for it is reset.
    async fn is_over(&mut self, who: usize) {
        if let Some(Held { connected: Some(there), .. }) = self.actors[who].held.take() {
            is_reset(there).await;
        }
    }

    async fn connect(&mut self, client: u8, port: usize) {
        let ports = self.passive.mux().ports();
        let port = ports.port_at((port % ports.len()) as u16).expect("a port of the set");
        let arrived = || {
            let stats = self.passive.mux().stats();
            stats.claimed + stats.strangers
        };
        let before = arrived();
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((ip(client), 0).into()).expect("a loopback address");
        let there = socket.connect((SERVER, port).into()).await.expect("a listening port");
        // No connection stays behind in the system.
        there.set_zero_linger().expect("an option of every socket");
        until(|| arrived() > before, "the connection is dealt with").await;
        assert_eq!(arrived(), before + 1);

        let rightful =
            self.actors.iter_mut().filter(|actor| actor.client == client).find_map(|actor| {
                actor.held.as_mut().filter(|held| held.port == port && held.is_pending())
            });
        match rightful {
            Some(held) => held.connected = Some(there),
            None => is_reset(there).await,
        }
    }

    async fn data_connection(&mut self, who: usize) {
        let actor = &mut self.actors[who];
        let polled = polled(actor.session.data_connection()).await;
        match (actor.held.take(), polled) {
            (None, Some(Err(reply))) => assert_eq!(reply, Reply::NotReserved),
            (Some(Held { connected: Some(mut there), port, .. }), Some(Ok(mut here))) => {
                assert_eq!(here.local_addr().expect("an address").port(), port);
                let peer = here.peer_addr().expect("an address");
                assert_eq!(peer, there.local_addr().expect("an address"));
                here.write_all(&[actor.client]).await.expect("an open connection");
                drop(here);
                let mut read = Vec::new();
                there.read_to_end(&mut read).await.expect("all that was sent");
                assert_eq!(read, [actor.client]);
            }
            (Some(held), None) if held.is_pending() => actor.held = Some(held),
            (Some(held), Some(Err(reply))) if held.connected.is_none() => {
                assert!(!held.is_pending(), "given up before the deadline");
                assert_eq!(reply, Reply::NotConnected);
            }
            (held, polled) => panic!("{polled:?} with {:?}", held.map(|held| held.connected)),
        }
    }

    /// Lets the mux do what is due, and compares what can be seen from outside.
    async fn settle(&mut self) {
        for actor in &self.actors {
            assert_eq!(actor.session.is_reserved(), actor.held.is_some());
        }
        let held = self.actors.iter().filter_map(|actor| actor.held.as_ref());
        let pending = held.filter(|held| held.is_pending()).count();
        until(|| self.passive.mux().stats().pending == pending, "as many are pending").await;
    }
}

fn ip(client: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 1, client).into()
}

async fn until(reached: impl Fn() -> bool, what: &str) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < HANG, "waited in vain until {what}");
        yield_now().await;
    }
}

async fn is_reset(mut there: TcpStream) {
    let read = there.read(&mut [0]).await;
    assert!(read.is_err(), "{read:?} where a reset was due");
}

/// What `future` gives without anything further happening; `None` if it waits.
async fn polled<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..3 {
        let now = poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
        if let Poll::Ready(output) = now.await {
            return Some(output);
        }
        yield_now().await;
    }
    None
}
