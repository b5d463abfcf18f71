//! Hundreds of clients that come, transfer and go, all the time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mux_tests::guard;

use crate::bed::{Bed, SERVERS};
use crate::session::{Manner, Session};

/// How many transfers a session has.
const TRANSFERS: usize = 4;

/// How long a client does nothing in between.
const PAUSE: Duration = Duration::from_millis(300);

/// In place of a server's number: the session has not got as far as to know it.
const NONE_YET: usize = 0;

/// What went on so far, and what may go wrong just now.
#[derive(Default)]
struct State {
    stop: AtomicBool,
    /// The next address that nobody has had.
    next: AtomicU16,
    transfers: AtomicUsize,
    /// Sessions that have come to their end, by server.
    ended: [AtomicU64; 4],
    /// Whose sessions may be lost just now; 0 stands for those that are about to begin.
    excused: [AtomicBool; 4],
    /// Sessions that were lost and excused, by server.
    lost: [AtomicU64; 4],
    failures: Mutex<Vec<String>>,
}

/// The crowd. Half of its clients keep their address, half have a new one each time.
pub(crate) struct Crowd {
    state: Arc<State>,
    clients: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Starts this many clients.
    pub(crate) fn start(bed: &Bed, clients: u16) -> Self {
        let state = Arc::new(State::default());
        state.next.store(clients, SeqCst);
        let clients = (0..clients)
            .map(|n| {
                let (state, authority) = (Arc::clone(&state), bed.authority().to_owned());
                thread::spawn(move || come_and_go(&state, n, &authority))
            })
            .collect();
        Self { state, clients }
    }

    /// Says whose sessions may be lost from now on; 0 stands for those that are about to begin.
    pub(crate) fn excuse(&self, servers: &[usize]) {
        for n in 0..=SERVERS.len() {
            self.state.excused[n].store(servers.contains(&n), SeqCst);
        }
    }

    /// Waits until this many more sessions have ended well, at each of these servers.
    #[track_caller]
    pub(crate) fn until_served(&self, servers: &[usize], sessions: u64) {
        let before = self.served();
        guard::eventually("the servers have served sessions", || {
            assert!(self.failures().is_empty(), "{:#?}", self.failures());
            let now = self.served();
            servers.iter().all(|&n| now[n] >= before[n] + sessions)
        });
    }

    /// Sessions that have ended well, by server.
    pub(crate) fn served(&self) -> [u64; 4] {
        [0, 1, 2, 3].map(|n| self.state.ended[n].load(SeqCst))
    }

    /// An address that nobody has had.
    pub(crate) fn newcomer(&self) -> u16 {
        self.state.next.fetch_add(1, SeqCst)
    }

    fn failures(&self) -> Vec<String> {
        self.state.failures.lock().unwrap().clone()
    }

    /// Has everybody finish, and says what came of it.
    #[track_caller]
    pub(crate) fn stop(self) -> Outcome {
        self.state.stop.store(true, SeqCst);
        for client in self.clients {
            client.join().expect("a client");
        }
        let failures = self.state.failures.lock().unwrap();
        assert!(failures.is_empty(), "{failures:#?}");
        Outcome {
            served: [0, 1, 2, 3].map(|n| self.state.ended[n].load(SeqCst)),
            lost: [0, 1, 2, 3].map(|n| self.state.lost[n].load(SeqCst)),
            transfers: self.state.transfers.load(SeqCst),
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Sessions that ended well, by server.
    pub(crate) served: [u64; 4],
    /// Sessions that were lost, and might be, by server; the first are those not begun.
    pub(crate) lost: [u64; 4],
    /// Files fetched.
    pub(crate) transfers: usize,
}

fn come_and_go(state: &State, n: u16, authority: &Path) {
    let mut turn = usize::from(n);
    // Not all at the same moment.
    thread::sleep(PAUSE * (n % 8).into());
    while !state.stop.load(SeqCst) {
        let manner = Manner::ALL[turn % Manner::ALL.len()];
        let address = if n % 2 == 0 { n } else { state.next.fetch_add(1, SeqCst) };
        let excused_before = [0, 1, 2, 3].map(|n| state.excused[n].load(SeqCst));
        let mut server = NONE_YET;
        match session(state, address, manner, authority, &mut server) {
            Ok(()) => {
                state.ended[server].fetch_add(1, SeqCst);
            }
            Err(_) if excused_before[server] || state.excused[server].load(SeqCst) => {
                state.lost[server].fetch_add(1, SeqCst);
            }
            Err(error) => {
                let failure = format!("client {address}, {manner:?}, server {server}: {error}");
                state.failures.lock().unwrap().push(failure);
            }
        }
        turn += 1;
        thread::sleep(PAUSE);
    }
}

fn session(
    state: &State,
    n: u16,
    manner: Manner,
    authority: &Path,
    server: &mut usize,
) -> suppaftp::FtpResult<()> {
    let mut session = Session::start(n, manner, authority)?;
    *server = session.server;
    for _ in 0..TRANSFERS {
        session.transfer()?;
        state.transfers.fetch_add(1, SeqCst);
        thread::sleep(PAUSE);
    }
    session.quit()
}
