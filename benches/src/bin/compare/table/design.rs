//! What every design of a reservation table can do.

use mux_core::ClientKey;

/// What a reservation carries: as much as the channel end that the mux's own carry.
pub(super) type Payload = [u64; 2];

/// A port, and whose.
pub(super) type Key = (u16, ClientKey);

/// The first passive port.
pub(super) const FIRST_PORT: u16 = 10_000;

/// A reservation table. Times are nanoseconds.
pub(super) trait Design {
    /// What a reservation is cancelled by.
    type Ticket: Copy + Send;

    /// A table for `width` ports from [`FIRST_PORT`] on and `capacity` reservations.
    fn new(width: u16, capacity: usize) -> Self;
    /// Reserves any port that is free for the client; `None` if there is none.
    fn reserve(
        &self,
        client: ClientKey,
        deadline: u64,
        payload: Payload,
    ) -> Option<(u16, Self::Ticket)>;
    /// Ends the reservation of that port and client, unless its deadline has passed.
    fn claim(&self, key: Key, now: u64) -> Option<Payload>;
    /// Ends a reservation.
    fn cancel(&self, ticket: Self::Ticket) -> Option<Payload>;
    /// Ends all whose deadline has passed, and returns what they carried.
    fn expire(&self, now: u64) -> Vec<Payload>;
}
