//! The groups of steered listeners, one for each address and port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::resource::{Resource, getrlimit};
use tokio::net::TcpListener;
use tracing::debug;

use super::errors::BindError;
use crate::steer::{Group, LeaseId, MemberId, Options, Spares, probe_steering};
use crate::table::ReservationId;
use crate::{Client, PortSet};

#[derive(Debug)]
pub(super) struct Groups {
    spares: Arc<Spares>,
    ports: PortSet,
    addresses: Vec<IpAddr>,
    /// By address, then by port, both in ascending order; all `None` once the mux is closed.
    groups: Vec<Mutex<Option<Group>>>,
}

/// Which group.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupIndex {
    pub(super) port: u16,
    index: usize,
}

impl Groups {
    /// Checks that the system can steer.
    pub(super) fn new(ports: &PortSet) -> Result<Self, BindError> {
        probe_steering()?;
        // A quarter of what the process may open: the rest is for sessions and their connections,
        // and a holder that accepts from a lent listener cannot tell us that it has none left.
        let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _hard)| soft);
        let plenty = usize::try_from(descriptors / 4).unwrap_or(usize::MAX);
        Ok(Self {
            spares: Arc::new(Spares::with_plenty(plenty)),
            ports: ports.clone(),
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
        let (group, own) = Group::bind_as(address, options, Arc::clone(&self.spares), wrap)?;
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

    /// The group of a port on the address of that index.
    pub(super) fn index(&self, address: u16, port: u16) -> GroupIndex {
        let port_index = self.ports.index_of(port).expect("a port of the set");
        let index = usize::from(address) * self.ports.len() + usize::from(port_index);
        GroupIndex { port, index }
    }

    /// Locks a group; `None` inside once the mux is closed.
    pub(super) fn lock(&self, group: GroupIndex) -> MutexGuard<'_, Option<Group>> {
        lock(&self.groups[group.index])
    }

    /// The members of every group that serve a client of which `is_wanted` is true.
    pub(super) fn members_of(
        &self,
        is_wanted: impl Fn(Client) -> bool,
    ) -> impl Iterator<Item = (GroupIndex, MemberId, Client)> {
        self.groups.iter().enumerate().flat_map(move |(index, group)| {
            let port = self.ports.port_at((index % self.ports.len()) as u16);
            let group_index = GroupIndex { port: port.expect("a port of the set"), index };
            let members = lock(group).as_ref().map(|group| group.members_of(&is_wanted));
            let members = members.unwrap_or_default().into_iter();
            members.map(move |(member, client)| (group_index, member, client))
        })
    }

    /// Ends every steered listener, lent or not.
    pub(super) fn close(&self) {
        Group::end_all(self.groups.iter().filter_map(|group| lock(group).take()));
        debug!("steered listeners closed");
    }

    /// Closes steered listeners that nobody holds, everywhere: descriptors have run out.
    pub(super) fn trim(&self) {
        for group in &self.groups {
            lock(group).as_mut().map(Group::trim);
        }
    }
}

fn lock(group: &Mutex<Option<Group>>) -> MutexGuard<'_, Option<Group>> {
    group.lock().unwrap_or_else(PoisonError::into_inner)
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
