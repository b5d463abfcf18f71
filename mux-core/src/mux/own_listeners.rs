//! The listeners that the mux itself accepts from.

use std::sync::{Arc, Weak};

use tokio::net::TcpListener;

use super::turn::Turn;

/// The mux's own listeners. The accept tasks own them: this keeps none open.
#[derive(Debug)]
pub(super) struct OwnListeners {
    /// By address, then by port, both as they were bound.
    all: Vec<(Weak<TcpListener>, Arc<Turn>)>,
    /// How many ports there are.
    ports: usize,
}

impl OwnListeners {
    pub(super) fn new(ports: usize) -> Self {
        Self { all: Vec::new(), ports }
    }

    /// Adds the next one, and returns whose turn it is there.
    pub(super) fn add(&mut self, listener: &Arc<TcpListener>) -> Arc<Turn> {
        let turn = Arc::new(Turn::default());
        self.all.push((Arc::downgrade(listener), turn.clone()));
        turn
    }

    /// Those of a port, on every address.
    pub(super) fn on(&self, port_index: u16) -> impl Iterator<Item = (Arc<TcpListener>, &Turn)> {
        let all = self.all.iter().skip(port_index.into()).step_by(self.ports);
        all.filter_map(|(listener, turn)| Some((listener.upgrade()?, &**turn)))
    }
}
