//! What is measured on a table.

use std::fmt;

/// An operation, and what surrounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Of one of the pending reservations.
    ClaimHit,
    /// By an address that has no reservation: a stranger's.
    ClaimMiss,
    /// A reservation made and claimed.
    ReserveClaim,
    /// A reservation made and cancelled, of a client that has no other.
    ReserveCancel,
    /// The same of a client that has so many percent of the ports.
    ReserveHeld { percent: u8 },
    /// Of reservations one in a hundred of which is due.
    ExpireSome,
    /// Of reservations all of which are due.
    ExpireAll,
    /// Seven claims that miss, and a reservation made and claimed.
    Mixed,
}

impl Operation {
    pub(super) const ALL: [Self; 9] = [
        Self::ClaimHit,
        Self::ClaimMiss,
        Self::ReserveClaim,
        Self::ReserveCancel,
        Self::ReserveHeld { percent: 50 },
        Self::ReserveHeld { percent: 99 },
        Self::ExpireSome,
        Self::ExpireAll,
        Self::Mixed,
    ];

    /// Whether several threads do it at a time. Expiring is one task's work.
    pub(super) fn shared(self) -> bool {
        !matches!(self, Self::ExpireSome | Self::ExpireAll)
    }

    /// How many ports a client holds before the operation.
    pub(super) fn held(self, width: u16) -> u16 {
        let Self::ReserveHeld { percent } = self else { return 0 };
        (u32::from(width) * u32::from(percent) / 100) as u16
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClaimHit => "claim hit",
            Self::ClaimMiss => "claim miss",
            Self::ReserveClaim => "reserve + claim",
            Self::ReserveCancel => "reserve + cancel",
            Self::ReserveHeld { percent: 50 } => "reserve + cancel, 50 % of the ports held",
            Self::ReserveHeld { .. } => "reserve + cancel, 99 % of the ports held",
            Self::ExpireSome => "expire, 1 % due",
            Self::ExpireAll => "expire, all due",
            Self::Mixed => "7 claims missing, 1 reserve + claim",
        })
    }
}
