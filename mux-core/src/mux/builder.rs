//! How a mux is set up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::candidates::WaitingOverall;
use super::core::Core;
use super::errors::BindError;
use super::groups::Groups;
use super::lifecycle::{Reservations, Terms};
use super::listen::{self, Listeners};
use super::preface::{Hook, Preface, PrefaceLimits, Stage};
use super::wait_queue::QueueLimits;

use super::own_listeners::OwnListeners;
use super::{Mux, accept, expiry};
use crate::table::ReservationLimits;
use crate::{ClientPrefix, PortSet};

/// How a [`Mux`] is set up. Made by [`Mux::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is bound before `bind`"]
pub struct Builder {
    ports: PortSet,
    addresses: Vec<IpAddr>,
    terms: Terms,
    backlog: u32,
    steering: bool,
    preface: Option<Hook>,
}

impl Builder {
    pub(super) fn new(ports: PortSet) -> Self {
        Self {
            ports,
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            terms: Terms {
                ttl: Duration::from_secs(15),
                wait: Duration::from_secs(2),
                limits: ReservationLimits::default(),
                queue: QueueLimits { per_client: 256, overall: 16_384 },
                client_prefix: ClientPrefix::ADDRESS,
                capacity: 65_536,
            },
            backlog: 1024,
            steering: false,
            preface: None,
        }
    }

    /// The local addresses to listen on, every port on every one of them. By default `127.0.0.1`
    /// alone. IPv6 addresses get IPv6 connections only, so that `0.0.0.0` and `::` can stand side
    /// by side.
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.addresses = addresses.into_iter().map(|ip| ip.to_canonical()).collect();
        self.addresses.sort_unstable();
        self.addresses.dedup();
        self
    }

    /// How long a reservation waits for its connection (default 15 s).
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.terms.ttl = ttl;
        self
    }

    /// How long a request for a reservation may wait when every port is taken by its client
    /// (default 2 s). Zero refuses at once.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.terms.wait = wait;
        self
    }

    /// How many requests may wait for a port: of one client, and of all together (default 256 and
    /// 16,384).
    pub fn max_waiting(mut self, per_client: usize, overall: usize) -> Self {
        self.terms.queue = QueueLimits { per_client, overall };
        self
    }

    /// How many reservations one client may have pending (default as many as there are ports).
    /// A request beyond that waits, as it does when every port is taken.
    pub fn max_pending_per_client(mut self, most: NonZeroUsize) -> Self {
        self.terms.limits.pending_per_client = most.get();
        self
    }

    /// How many clients may have reservations pending (default no limit but the capacity). The
    /// requests of further ones are refused at once.
    pub fn max_clients(mut self, most: NonZeroUsize) -> Self {
        self.terms.limits.clients = most.get();
        self
    }

    /// How much of an address counts as the client (default all of it). Read what
    /// [`ClientPrefix`] says about the price.
    pub fn client_prefix(mut self, prefix: ClientPrefix) -> Self {
        self.terms.client_prefix = prefix;
        self
    }

    /// How many reservations can be pending at the same time (default 65,536). Each takes about
    /// 100 bytes from the start.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.terms.capacity = capacity;
        self
    }

    /// How many connections the kernel may keep for each port until they are accepted (default
    /// 1024; the kernel caps it at `net.core.somaxconn`).
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether [`Mux::lease`] can lend listening sockets (default no; Linux only).
    pub fn steering(mut self, on: bool) -> Self {
        self.steering = on;
        self
    }

    /// Has connections show a preface before they are matched. `judge` is given the address that a
    /// connection comes from and all bytes that it has sent, at first none, and says whose it is.
    /// A connection that `judge` identifies without any bytes takes the ordinary way.
    ///
    /// No accept waits for a preface. `judge` is called on the accept path, so it must not block.
    /// A connection gets no reservation that was made after it came.
    ///
    /// It cannot be combined with [`steering`](Self::steering): the kernel steers a connection by
    /// the address of its packets, before any byte of it.
    pub fn preface(
        self,
        limits: PrefaceLimits,
        judge: impl Fn(SocketAddr, &[u8]) -> Preface + Send + Sync + 'static,
    ) -> Self {
        self.hook(Hook { limits, judge: Arc::new(judge), advice: None })
    }

    pub(super) fn hook(mut self, hook: Hook) -> Self {
        self.preface = Some(hook);
        self
    }

    /// Binds every port on every address, and starts to accept.
    ///
    /// The ports are this process's alone: address reuse lets a restart have them back at once,
    /// but never lets a second process join them.
    ///
    /// # Errors
    ///
    /// When any port cannot be bound, all that cannot are named, and none stays bound. With
    /// steering on, also when the system cannot steer.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or if the capacity is 0 or above two billion.
    pub fn bind(self) -> Result<Mux, BindError> {
        if self.addresses.is_empty() {
            return Err(BindError::NoAddress);
        }
        let Self { ports, addresses, terms, backlog, steering, preface } = self;
        if steering && preface.is_some() {
            return Err(BindError::PrefaceWithSteering);
        }
        let wanted: Vec<SocketAddr> = addresses
            .iter()
            .flat_map(|&ip| ports.iter().map(move |port| SocketAddr::new(ip, port)))
            .collect();
        let groups = if steering { Some(Groups::new(&ports)?) } else { None };
        let Listeners { own: bound, groups } = listen::bind_all(&wanted, backlog, groups)?;

        let own = OwnListeners::new(ports.len(), &bound);
        let (reservations, freed) = Reservations::new(ports, terms);
        let stage = preface.map(Stage::new);
        let core = Arc::new(Core {
            reservations,
            wait: terms.wait,
            own,
            groups,
            stage,
            waiting_candidates: WaitingOverall::default(),
            closed: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        });
        for (own, (_, socket)) in core.own.all().iter().zip(bound) {
            accept::spawn(&core, own, socket);
        }
        if core.stage.is_some() {
            Stage::spawn(&core);
        }
        expiry::spawn(&core);
        let served = Arc::clone(&core);
        core.spawn_until(&core.closed, async move {
            served.reservations.wait_queue.wake_heads(freed).await;
        });
        Ok(Mux::new(core))
    }
}
