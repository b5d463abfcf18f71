//! The listeners that the mux itself accepts from, and whose turn it is at each.
//!
//! The accept task and a session that gives up its reservation accept from one listener. Each
//! holds the listener's lock from before a connection is accepted until it is delivered. So
//! connections are delivered in the order in which they came, and when a session has the lock, no
//! connection is between the accept queue and its reservation.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The mux's own listeners. The accept tasks own the sockets: this keeps none open.
#[derive(Debug)]
pub(super) struct OwnListeners {
    /// By address, then by port, both as they were bound.
    all: Vec<Arc<OwnListener>>,
    /// How many ports there are.
    ports: usize,
}

#[derive(Debug)]
pub(super) struct OwnListener {
    pub(super) address: SocketAddr,
    socket: Weak<TcpListener>,
    accepting: Mutex<()>,
    /// Told when a session is through.
    released: Notify,
}

impl OwnListeners {
    /// The listeners on `ports` ports, by address, then by port.
    pub(super) fn new(ports: usize, bound: &[(SocketAddr, Arc<TcpListener>)]) -> Self {
        let own = |(address, socket): &(SocketAddr, Arc<TcpListener>)| {
            Arc::new(OwnListener {
                address: *address,
                socket: Arc::downgrade(socket),
                accepting: Mutex::new(()),
                released: Notify::new(),
            })
        };
        Self { all: bound.iter().map(own).collect(), ports }
    }

    pub(super) fn all(&self) -> &[Arc<OwnListener>] {
        &self.all
    }

    /// Those of a port, on every address.
    pub(super) fn on(&self, port_index: u16) -> impl Iterator<Item = &OwnListener> {
        self.all.iter().skip(port_index.into()).step_by(self.ports).map(|own| &**own)
    }
}

impl OwnListener {
    /// Calls `accept` under the lock, or returns `None` if a session has it: for the accept task.
    pub(super) fn try_accept<T>(&self, accept: impl FnOnce() -> T) -> Option<T> {
        let _accepting = match self.accepting.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(accept())
    }

    /// Waits until a session is through that had the lock. One that was through before is not
    /// missed.
    pub(super) async fn released(&self) {
        self.released.notified().await;
    }

    /// Calls `drain` with the socket under the lock, as soon as the accept task has delivered what
    /// it accepted: for sessions. Does nothing once the accept task has ended.
    pub(super) fn drain(&self, drain: impl FnOnce(&TcpListener)) {
        let Some(socket) = self.socket.upgrade() else { return };
        let accepting: MutexGuard<'_, ()> =
            self.accepting.lock().unwrap_or_else(PoisonError::into_inner);
        drain(&socket);
        drop(accepting);
        self.released.notify_one();
    }
}
