//! Hundreds of clients that come, transfer and go, all the time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mux_tests::guard;

use crate::bed::Bed;
use crate::session::{Manner, Session};

/// How many transfers a session has.
const TRANSFERS: usize = 4;

/// How long a client does nothing in between.
const PAUSE: Duration = Duration::from_millis(500);

/// In place of a server's number: the session has not got as far as to know it. It is that of
/// somebody who has never been there, or of somebody who has.
pub(crate) const NEWCOMER: usize = 0;
pub(crate) const REGULAR: usize = 4;

/// What went on so far, and what may go wrong just now.
#[derive(Default)]
struct State {
    stop: AtomicBool,
    /// The next address that nobody has had.
    next: AtomicU16,
    transfers: AtomicUsize,
    /// Sessions that have come to their end, by server.
    ended: [AtomicU64; 5],
    /// Whose sessions may be lost just now: by server, or before they have got to one.
    excused: [AtomicBool; 5],
    /// How often that has begun: who was there then may notice later.
    excuses: [AtomicU64; 5],
    /// Sessions that were lost and excused.
    lost: [AtomicU64; 5],
    failures: Mutex<Vec<String>>,
}

/// The crowd. Half of its clients keep their address, half have a new one each time.
pub(crate) struct Crowd {
    state: Arc<State>,
    clients: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Starts this many clients.
    pub(crate) fn start(bed: &Bed, clients: u16, manners: &'static [Manner]) -> Self {
        let state = Arc::new(State::default());
        state.next.store(clients, SeqCst);
        let clients = (0..clients)
            .map(|n| {
                let (state, authority) = (Arc::clone(&state), bed.authority().to_owned());
                thread::spawn(move || come_and_go(&state, n, manners, &authority))
            })
            .collect();
        Self { state, clients }
    }

    /// Says whose sessions may be lost from now on: of which servers, or of [`NEWCOMER`] or
    /// [`REGULAR`] before they have begun.
    pub(crate) fn excuse(&self, servers: &[usize]) {
        for n in 0..5 {
            let was = self.state.excused[n].swap(servers.contains(&n), SeqCst);
            self.state.excuses[n].fetch_add((!was && servers.contains(&n)).into(), SeqCst);
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
    fn served(&self) -> [u64; 5] {
        [0, 1, 2, 3, 4].map(|n| self.state.ended[n].load(SeqCst))
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
            served: [1, 2, 3].map(|n| self.state.ended[n].load(SeqCst)),
            lost: [0, 1, 2, 3, 4].map(|n| self.state.lost[n].load(SeqCst)),
            transfers: self.state.transfers.load(SeqCst),
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Sessions that ended well, by server.
    pub(crate) served: [u64; 3],
    /// Sessions that were lost, and might be: of newcomers before they had begun, by server, and
    /// of regulars before they had begun.
    pub(crate) lost: [u64; 5],
    /// Files fetched.
    pub(crate) transfers: usize,
}

fn come_and_go(state: &State, n: u16, manners: &[Manner], authority: &Path) {
    let mut turn = usize::from(n);
    // Not all at the same moment.
    thread::sleep(PAUSE * (n % 8).into());
    while !state.stop.load(SeqCst) {
        let manner = manners[turn % manners.len()];
        let (address, mut server) = match n % 2 {
            0 => (n, REGULAR),
            _ => (state.next.fetch_add(1, SeqCst), NEWCOMER),
        };
        let excused_before = [0, 1, 2, 3, 4].map(|n| state.excused[n].load(SeqCst));
        let excuses_before = [0, 1, 2, 3, 4].map(|n| state.excuses[n].load(SeqCst));
        match session(state, address, manner, authority, &mut server) {
            Ok(()) => {
                state.ended[server].fetch_add(1, SeqCst);
            }
            Err(_)
                if excused_before[server]
                    || state.excused[server].load(SeqCst)
                    || state.excuses[server].load(SeqCst) > excuses_before[server] =>
            {
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
