//! Passive mode for any FTP server: the rules of `PASV` and `EPSV`, one call for each command.
//!
//! [`Passive`] is what all sessions of a server share, [`PassiveSession`] is one session's part of
//! it, and a [`Reply`] is what its client is told. See the [crate documentation](crate) for an
//! example.

mod addresses;
mod advertised;
mod epsv;
mod host;
mod name;
mod port_map;
mod reply;
mod scope;
mod session;
mod told;

use mux_core::Mux;
use std::net::SocketAddr;
use std::sync::Arc;

pub use addresses::SessionAddresses;
pub use advertised::{Advertised, ResolverError};
pub use host::{HostRule, PassiveHost, PassiveHostError};
pub use name::ResolveError;
pub use port_map::{NotMapped, PortMap, PortMapError};
pub use reply::Reply;
pub use scope::HostScope;
pub use session::PassiveSession;

use told::Told;

/// Passive mode as all sessions of a server share it: the multiplexer, and how its ports are
/// made known to clients.
///
/// Clones are handles to the same multiplexer.
#[derive(Clone, Debug)]
#[must_use = "it serves nobody by itself: make a session for each control connection"]
pub struct Passive {
    mux: Mux,
    advertised: Advertised,
    port_map: Option<Arc<PortMap>>,
    /// Of refusals for all sessions.
    told: Told,
}

impl Passive {
    /// Passive mode on the ports of `mux`. Replies name the control connection's own address, and
    /// the ports as they are listened on.
    pub fn new(mux: Mux) -> Self {
        Self { mux, advertised: Advertised::default(), port_map: None, told: Told::default() }
    }

    /// The address that `PASV` replies name; by default the control connection's own.
    pub fn advertised(mut self, advertised: Advertised) -> Self {
        self.advertised = advertised;
        self
    }

    /// The ports that replies name, where they differ from those that are listened on: behind a
    /// NAT that forwards other ports.
    ///
    /// # Errors
    ///
    /// When the map leaves out a port of the mux: no client could be told of it. Building the mux
    /// on [`PortMap::listened`] cannot fail.
    pub fn port_map(mut self, map: PortMap) -> Result<Self, NotMapped> {
        map.covers(self.mux.ports())?;
        self.port_map = Some(Arc::new(map));
        Ok(self)
    }

    /// The multiplexer.
    #[must_use]
    pub fn mux(&self) -> &Mux {
        &self.mux
    }

    /// The passive mode of one session, whose control connection goes from `peer`, the client, to
    /// `local`, this server.
    pub fn session(&self, peer: SocketAddr, local: SocketAddr) -> PassiveSession {
        PassiveSession::new(self.clone(), SessionAddresses::new(peer, local))
    }

    /// The port that replies name for one that is listened on.
    fn exposed(&self, listened: u16) -> u16 {
        let mapped = self.port_map.as_deref().map(|map| map.exposed(listened));
        // Every port of the mux is mapped, if any is: `port_map` has looked.
        mapped.flatten().unwrap_or(listened)
    }
}
