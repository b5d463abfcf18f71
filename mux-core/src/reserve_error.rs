//! Why no port was reserved.

/// Why no port was reserved: by [`Table::reserve`](crate::table::Table::reserve), or by the
/// multiplexer, which also has a wait queue and can be shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// Every port has a pending reservation of this client, and none was freed while waiting.
    #[error("every passive port is taken by this client: try again, or open more ports")]
    NoFreePort,
    /// The client has as many pending reservations as one client may have, and none ended while
    /// waiting.
    #[error("this client has as many pending reservations as one may have: try again")]
    PendingLimit,
    /// As many requests of this client as are allowed wait for a port already.
    #[error("too many of this client wait for a passive port already: try again later")]
    ClientQueueFull,
    /// As many requests as are allowed wait for a port already, over all clients.
    #[error("too many wait for a passive port already: try again later")]
    QueueFull,
    /// As many clients as are allowed have pending reservations, and this is another one.
    #[error("too many clients have pending reservations: try again, or allow more clients")]
    TooManyClients,
    /// There are as many reservations as the table was built for.
    #[error("too many reservations are pending: build the multiplexer with a larger capacity")]
    TableFull,
    /// The mux has been shut down.
    #[error("the multiplexer has been shut down")]
    ShutDown,
}

impl ReserveError {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::NoFreePort,
        Self::PendingLimit,
        Self::ClientQueueFull,
        Self::QueueFull,
        Self::TooManyClients,
        Self::TableFull,
        Self::ShutDown,
    ];

    /// The reason as one word for logs and metrics: `no_free_port`, for example.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoFreePort => "no_free_port",
            Self::PendingLimit => "pending_limit",
            Self::ClientQueueFull => "client_queue_full",
            Self::QueueFull => "queue_full",
            Self::TooManyClients => "too_many_clients",
            Self::TableFull => "table_full",
            Self::ShutDown => "shut_down",
        }
    }

    /// Whether it is the client's own reservations that stand in the way, so that it helps to wait
    /// until one of them ends.
    #[cfg(all(feature = "mux", not(loom)))]
    pub(crate) const fn can_wait(self) -> bool {
        matches!(self, Self::NoFreePort | Self::PendingLimit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counters are indexed by the reason.
    #[test]
    fn every_reason_stands_at_its_own_place() {
        for (place, reason) in ReserveError::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
