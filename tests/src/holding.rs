//! Sessions that hold a passive port each, with nobody connecting to it.

use std::net::{IpAddr, SocketAddr};

use crate::client::Client;
use crate::server::Server;

/// A session with a pending reservation.
#[derive(Debug)]
pub struct Holding {
    /// The session.
    pub session: Client,
    /// The address it was granted.
    pub port: SocketAddr,
}

impl Holding {
    /// A new session from `source` that holds a port.
    ///
    /// # Panics
    ///
    /// When it cannot log in or is refused a port.
    #[must_use]
    #[track_caller]
    pub fn new(server: &Server, source: IpAddr) -> Self {
        let mut session = Client::login(source, server.control());
        let port = session.pasv();
        Self { session, port }
    }

    /// As many sessions from `source` as the server has passive ports, which together hold them
    /// all.
    ///
    /// # Panics
    ///
    /// When one of them is refused, or two hold one port.
    #[must_use]
    #[track_caller]
    pub fn every_port(server: &Server, source: IpAddr) -> Vec<Self> {
        let mut sessions: Vec<Client> = Vec::new();
        sessions.resize_with(server.ports().count(), || Client::login(source, server.control()));
        let held: Vec<Self> = sessions
            .into_iter()
            .map(|mut session| {
                let port = session.pasv();
                Self { session, port }
            })
            .collect();
        let distinct = held.iter().map(|holding| holding.port.port()).collect();
        assert_eq!(server.ports().set(), distinct, "a client's sessions hold every port, once");
        held
    }

    /// Connects and downloads `name`.
    ///
    /// # Panics
    ///
    /// As [`Client::retr_from`].
    #[track_caller]
    pub fn retr(&mut self, name: &str) -> Vec<u8> {
        self.session.retr_from(self.port, name)
    }
}
