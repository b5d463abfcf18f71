//! The groups of steered listeners, one for each address and port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::resource::{Resource, getrlimit};
use tokio::net::TcpListener;

use super::errors::BindError;
use crate::steer::{Group, LeaseId, Options, Spares, probe};
use crate::table::ReservationId;

#[derive(Debug)]
pub(super) struct Groups {
    spares: Arc<Spares>,
    addresses: Vec<IpAddr>,
    /// By address, then by port, both in ascending order; all `None` once the mux is closed.
    groups: Vec<Mutex<Option<Group>>>,
}

/// Which group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The index of the local address.
    pub(super) address: u16,
    /// The index of the port.
    pub(super) port: u16,
}

impl Groups {
    /// Checks that the system can steer.
    pub(super) fn new() -> Result<Self, BindError> {
        probe()?;
        // A quarter of what the process may open: the rest is for sessions and their connections,
        // and whoever accepts from a lent listener cannot tell us that it has none left.
        let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _hard)| soft);
        let plenty = usize::try_from(descriptors / 4).unwrap_or(usize::MAX);
        Ok(Self {
            spares: Arc::new(Spares::with_plenty(plenty)),
            addresses: vec![],
            groups: vec![],
        })
    }

    /// Binds the next address and port and returns the group's own listener. The order is that
    /// of [`Groups::groups`].
    pub(super) fn bind(
        &mut self,
        address: SocketAddr,
        backlog: u32,
    ) -> io::Result<Arc<TcpListener>> {
        let options = Options { backlog, ..Options::default() };
        let wrap = |own| TcpListener::from_std(own).map(Arc::new);
        let (group, own) = Group::bind_as(address, options, self.spares.clone(), wrap)?;
        if self.addresses.last() != Some(&address.ip()) {
            self.addresses.push(address.ip());
        }
        self.groups.push(Mutex::new(Some(group)));
        Ok(own)
    }

    /// The index of the address on which connections to `local` arrive.
    pub(super) fn listening_on(&self, local: IpAddr) -> Option<u16> {
        let local = local.to_canonical();
        let is = |wanted: &dyn Fn(&IpAddr) -> bool| self.addresses.iter().position(wanted);
        let index = is(&|ip| *ip == local)
            .or_else(|| is(&|ip| ip.is_unspecified() && ip.is_ipv4() == local.is_ipv4()))?;
        Some(index as u16)
    }

    /// Locks a group; `None` inside once the mux is closed.
    pub(super) fn lock(&self, place: Place) -> MutexGuard<'_, Option<Group>> {
        let ports = self.groups.len() / self.addresses.len();
        let index = usize::from(place.address) * ports + usize::from(place.port);
        self.groups[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All groups.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let ports = self.groups.len() / self.addresses.len();
        (0..self.groups.len()).map(move |index| Place {
            address: (index / ports) as u16,
            port: (index % ports) as u16,
        })
    }

    /// Ends every steered listener, lent or not.
    pub(super) fn close(&self) {
        let take = |group: &Mutex<Option<Group>>| {
            group.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        Group::end_all(self.groups.iter().filter_map(take));
    }

    /// Gives back idle listeners everywhere: somebody needs descriptors.
    pub(super) fn trim(&self) {
        for group in &self.groups {
            let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
            group.as_mut().map(Group::trim);
        }
    }
}

impl From<ReservationId> for LeaseId {
    fn from(id: ReservationId) -> Self {
        Self::new(id.to_bits())
    }
}

impl From<LeaseId> for ReservationId {
    fn from(lease: LeaseId) -> Self {
        Self::from_bits(lease.get())
    }
}
