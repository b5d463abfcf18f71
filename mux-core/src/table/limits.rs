//! How much of the table one client, and all clients, may take.

/// Limits beside the table's capacity. By default there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationLimits {
    /// How many reservations one client may have pending; at least 1.
    pub pending_per_client: usize,
    /// How many clients may have reservations pending; at least 1.
    pub clients: usize,
}

impl Default for ReservationLimits {
    fn default() -> Self {
        Self { pending_per_client: usize::MAX, clients: usize::MAX }
    }
}
