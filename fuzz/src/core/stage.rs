//! Connections that say whose they are byte by byte, reservations that come and go, and the passing
//! of time, against a plain model.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use mux_core::mux::{AcceptError, Preface, PrefaceLimits, Stats};
use mux_core::{Mux, PortSet, Reservation, ReserveError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::yield_now;
use tokio::time;

use super::paused::runtime;

const SERVER: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Two proxies, whose connections must say whose they are; others are their own address's.
const PROXIES: [u8; 2] = [101, 102];
/// So many clients have reservations. One more is only ever named.
const CLIENTS: u8 = 2;
const PORTS: usize = 2;
/// Runs let whole seconds pass, and a millisecond for each operation, so that nothing is due just
/// then.
const LIFETIME: Duration = Duration::from_millis(2500);
const LIMITS: PrefaceLimits =
    PrefaceLimits { bytes: 6, timeout: Duration::from_millis(1500), overall: 4, per_source: 3 };
/// More operations than this only take longer.
const MOST: usize = 100;
/// Against hanging. In real time, because the runtime's stands still.
const HANG: Duration = Duration::from_secs(60);

/// What connections say, each as far as it is told to.
const TEXTS: [&[u8]; 8] = [
    b"n0+and what follows",
    b"n1+and what follows",
    b"n2+",
    b"n1 is too long",
    b"no preface at all",
    b"check, which is nobody's",
    b"n0+n1+",
    b"",
];

/// `n`, a client's number and `+` name a client; `c` is nobody's.
fn judge(peer: SocketAddr, seen: &[u8]) -> Preface {
    let peer = peer.ip();
    if PROXIES.iter().all(|&proxy| ip(proxy) != peer) {
        return Preface::Identified { client: peer.into(), consumed: 0 };
    }
    match seen {
        [] | [b'n'] => Preface::NeedMore,
        [b'n', number @ b'0'..=b'2', rest @ ..] => match rest {
            [b'+', ..] => Preface::Identified { client: ip(number - b'0').into(), consumed: 3 },
            // As long as there is any hope.
            _ if !rest.contains(&b'+') => Preface::NeedMore,
            _ => Preface::Reject,
        },
        [b'c', ..] => Preface::Nobody,
        _ => Preface::Reject,
    }
}

/// Every two bytes are an operation.
///
/// # Panics
///
/// If the mux does something else than the model.
pub fn run(bytes: &[u8]) {
    static SHARED: OnceLock<(Runtime, Mux)> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let (operations, _) = bytes.as_chunks::<2>();
    let alone = ONE_AT_A_TIME.lock();
    let (runtime, mux) = SHARED.get_or_init(|| {
        let runtime = runtime();
        let mux = runtime.block_on(mux());
        (runtime, mux)
    });
    runtime.block_on(async {
        let mut scene = Scene::new(mux);
        for &[kind, which] in operations.iter().take(MOST) {
            time::advance(Duration::from_millis(1)).await;
            scene.apply(kind % 8, usize::from(which)).await;
            scene.settle().await;
        }
        drop(scene);
        until(|| mux.stats().prefaces.waiting == 0, "nobody waits any more").await;
        assert_eq!(mux.stats().pending, 0, "something stays reserved");
    });
    drop(alone);
}

/// A mux that all runs share: binding sockets takes longer than everything else.
async fn mux() -> Mux {
    loop {
        let mut free = Vec::new();
        for _ in 0..PORTS {
            free.push(TcpListener::bind((SERVER, 0)).await.expect("a free port"));
        }
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let set = PortSet::new(free.iter().map(|listener| port(listener)..=port(listener)));
        drop(free);
        let builder = Mux::builder(set.expect("ports")).wait(Duration::ZERO).ttl(LIFETIME);
        // Somebody else may have taken one meanwhile.
        if let Ok(mux) = builder.preface(LIMITS, judge).bind() {
            return mux;
        }
    }
}

/// A reservation that has not got its connection.
struct Held {
    reservation: Reservation,
    client: u8,
    made: time::Instant,
}

/// A connection in the stage.
struct Waiting {
    there: TcpStream,
    port: u16,
    proxy: u8,
    text: &'static [u8],
    said: usize,
    came: time::Instant,
}

/// What was counted, as the model has it.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    pending: usize,
    waiting: usize,
    claimed: u64,
    strangers: u64,
    rejected: [u64; 3],
}

struct Scene<'a> {
    mux: &'a Mux,
    held: Vec<Held>,
    /// The oldest first.
    waiting: Vec<Waiting>,
    counted: Counted,
}

impl<'a> Scene<'a> {
    fn new(mux: &'a Mux) -> Self {
        let counted = count(&mux.stats());
        assert_eq!((counted.pending, counted.waiting), (0, 0));
        Self { mux, held: Vec::new(), waiting: Vec::new(), counted }
    }

    async fn apply(&mut self, kind: u8, which: usize) {
        match kind {
            0 => self.reserve(which as u8 % CLIENTS).await,
            1 => drop((!self.held.is_empty()).then(|| self.held.remove(which % self.held.len()))),
            2 | 3 => self.arrive(which).await,
            4 => self.connect_directly(which as u8 % (CLIENTS + 1), which / 4).await,
            5 | 6 => self.say(which).await,
            _ => match which % 4 {
                0 => self.end(which / 4).await,
                _ => self.time_passes(1 + which as u64 / 4 % 3).await,
            },
        }
    }

    fn port(&self, which: usize) -> u16 {
        self.mux.ports().port_at((which % PORTS) as u16).expect("a port of the set")
    }

    async fn reserve(&mut self, client: u8) {
        let of_client = self.held.iter().filter(|held| held.client == client).count();
        match self.mux.reserve(ip(client)).await {
            Ok(reservation) => {
                assert!(of_client < PORTS, "more than there are ports");
                self.held.push(Held { reservation, client, made: time::Instant::now() });
            }
            Err(error) => {
                assert_eq!((error, of_client), (ReserveError::NoFreePort, PORTS));
            }
        }
    }

    /// A proxy connects, and says nothing yet.
    async fn arrive(&mut self, which: usize) {
        let proxy = PROXIES[which % PROXIES.len()];
        let port = self.port(which / 2);
        let there = self.connect(proxy, port).await;
        let text = TEXTS[which / 4 % TEXTS.len()];
        let came = time::Instant::now();
        self.waiting.push(Waiting { there, port, proxy, text, said: 0, came });
        let of_proxy = self.waiting.iter().filter(|waiting| waiting.proxy == proxy);
        let gives_way = if of_proxy.count() > LIMITS.per_source {
            self.waiting.iter().position(|waiting| waiting.proxy == proxy)
        } else {
            (self.waiting.len() > LIMITS.overall).then_some(0)
        };
        if let Some(oldest) = gives_way {
            self.counted.rejected[2] += 1;
            is_reset(self.waiting.remove(oldest).there).await;
        }
    }

    async fn connect_directly(&mut self, client: u8, which: usize) {
        let port = self.port(which);
        let there = self.connect(client, port).await;
        self.arrives(there, port, client, time::Instant::now(), b"").await;
    }

    async fn connect(&self, from: u8, port: u16) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((ip(from), 0).into()).expect("a loopback address");
        let there = socket.connect((SERVER, port).into()).await.expect("a listening port");
        there.set_nodelay(true).expect("an option of every socket");
        // No connection stays behind in the system.
        there.set_zero_linger().expect("an option of every socket");
        there
    }

    /// One that waits says some bytes more.
    async fn say(&mut self, which: usize) {
        if self.waiting.is_empty() {
            return;
        }
        let at = which % self.waiting.len();
        let count = 1 + which / self.waiting.len() % 5;
        let waiting = &mut self.waiting[at];
        let more = &waiting.text[waiting.said..][..count.min(waiting.text.len() - waiting.said)];
        waiting.there.write_all(more).await.expect("an open connection");
        waiting.said += more.len();
        let seen = &waiting.text[..waiting.said];
        let peer = (ip(waiting.proxy), 1).into();
        match judge(peer, &seen[..seen.len().min(LIMITS.bytes)]) {
            Preface::NeedMore if seen.len() < LIMITS.bytes => {}
            Preface::NeedMore | Preface::Reject => {
                self.counted.rejected[0] += 1;
                is_reset(self.waiting.remove(at).there).await;
            }
            Preface::Nobody => is_reset(self.waiting.remove(at).there).await,
            Preface::Identified { client, consumed } => {
                let Waiting { there, port, came, .. } = self.waiting.remove(at);
                let client = (0..=CLIENTS).find(|&number| ip(number) == client.ip());
                let client = client.expect("one of the clients");
                self.arrives(there, port, client, came, &seen[consumed..]).await;
            }
        }
    }

    /// A connection is known to be a client's: it is delivered with the rest of what it said, or
    /// reset.
    async fn arrives(
        &mut self,
        mut there: TcpStream,
        port: u16,
        client: u8,
        came: time::Instant,
        rest: &[u8],
    ) {
        let rightful = self.held.iter().position(|held| {
            (held.client, held.reservation.port()) == (client, port) && held.made < came
        });
        let Some(rightful) = rightful else {
            self.counted.strangers += 1;
            return is_reset(there).await;
        };
        self.counted.claimed += 1;
        let mut reservation = self.held.remove(rightful).reservation;
        let mut here = reservation.accept().await.expect("the connection is there");
        let peer = here.peer_addr().expect("an address");
        assert_eq!(peer, there.local_addr().expect("an address"));
        there.shutdown().await.expect("an open connection");
        let mut read = Vec::new();
        here.read_to_end(&mut read).await.expect("all that was sent");
        assert_eq!(read, rest, "what follows the preface is the session's");
    }

    /// One that waits will say nothing more.
    async fn end(&mut self, which: usize) {
        if self.waiting.is_empty() {
            return;
        }
        let mut waiting = self.waiting.remove(which % self.waiting.len());
        waiting.there.shutdown().await.expect("an open connection");
        is_reset(waiting.there).await;
    }

    async fn time_passes(&mut self, seconds: u64) {
        time::advance(Duration::from_secs(seconds)).await;
        let now = time::Instant::now();
        let held = std::mem::take(&mut self.held);
        let (over, held): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|held| now - held.made > LIFETIME);
        self.held = held;
        for mut held in over {
            let error = held.reservation.accept().await.expect_err("its time is over");
            assert_eq!(error, AcceptError::Expired);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (late, waiting): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|waiting| now - waiting.came > LIMITS.timeout);
        self.waiting = waiting;
        for late in late {
            self.counted.rejected[1] += 1;
            is_reset(late.there).await;
        }
    }

    /// Lets the mux do what is due, and compares what it has counted.
    async fn settle(&mut self) {
        self.counted.pending = self.held.len();
        self.counted.waiting = self.waiting.len();
        let start = Instant::now();
        while count(&self.mux.stats()) != self.counted {
            let counted = count(&self.mux.stats());
            assert!(start.elapsed() < HANG, "{counted:?}, expected {:?}", self.counted);
            yield_now().await;
        }
    }
}

fn count(stats: &Stats) -> Counted {
    let mut rejected = stats.prefaces.rejected().map(|(_, count)| count);
    Counted {
        pending: stats.pending,
        waiting: stats.prefaces.waiting,
        claimed: stats.claimed,
        strangers: stats.strangers,
        rejected: std::array::from_fn(|_| rejected.next().expect("three reasons")),
    }
}

fn ip(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 1, last).into()
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
