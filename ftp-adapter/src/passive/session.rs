//! One session's passive mode.

use super::epsv::{Argument, Protocol};
use super::{Passive, Reply, SessionAddresses};
use mux_core::Reservation;
use mux_core::mux::{AcceptError, ReserveError};
use std::net::SocketAddrV4;
use tokio::net::TcpStream;
use tracing::{debug, warn};

/// The passive mode of one session: all that `PASV`, `EPSV`, `PORT`, `EPRT` and the transfer
/// commands have to heed. Made by [`Passive::session`], one for each control connection.
///
/// It holds at most one reservation. A new `PASV` or `EPSV` ends the one before, so that the
/// session's own port counts as free; dropping this ends it too.
#[derive(Debug)]
#[must_use = "dropping it ends the session's reservation"]
pub struct PassiveSession {
    passive: Passive,
    addresses: SessionAddresses,
    reservation: Option<Reservation>,
    /// Whether `EPSV ALL` is in force.
    only_epsv: bool,
}

impl PassiveSession {
    pub(super) fn new(passive: Passive, addresses: SessionAddresses) -> Self {
        Self { passive, addresses, reservation: None, only_epsv: false }
    }

    /// Answers `PASV` (RFC 959, section 4.1.2): 227 with a reserved port, or a refusal. Waits in
    /// line for a port where the mux is built so ([`wait`](mux_core::mux::Builder::wait)).
    ///
    /// Refused where there is no valid answer: with 503 after `EPSV ALL`, with 425 over IPv6 and
    /// where the advertised address is not known. The session keeps its reservation then. In all
    /// other cases the one before is over, also when no new one is to be had.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing stays reserved, and the place in line goes to the next.
    pub async fn pasv(&mut self) -> Reply {
        if self.only_epsv {
            return Reply::OnlyEpsv;
        }
        if !self.addresses.is_ipv4() {
            return Reply::PasvOverIpv6;
        }
        let Some(ip) = self.passive.advertised.for_session(&self.addresses) else {
            return Reply::AddressUnknown;
        };
        match self.reserve().await {
            Ok(port) => Reply::Passive(SocketAddrV4::new(ip, port)),
            Err(refusal) => refusal,
        }
    }

    /// Answers `EPSV` (RFC 2428, section 3 and 4) with this argument, empty for none.
    ///
    /// - None, or the number of the control connection's protocol (1 is IPv4, 2 is IPv6): 229 with
    ///   a reserved port, or a refusal, as [`pasv`](Self::pasv).
    /// - The other protocol's number: 522 with the right one.
    /// - `ALL`, in any case: 200, and from then on [`pasv`](Self::pasv) and
    ///   [`active_mode`](Self::active_mode) are refused.
    /// - Anything else: 501.
    ///
    /// The session keeps its reservation except where a port was asked for.
    ///
    /// # Cancel safety
    ///
    /// As [`pasv`](Self::pasv).
    pub async fn epsv(&mut self, argument: &str) -> Reply {
        let own = Protocol::of(self.addresses.is_ipv4());
        match Argument::read(argument) {
            None => Reply::EpsvArgument,
            Some(Argument::Of(other)) if other != own => Reply::only(own),
            Some(Argument::All) => {
                self.only_epsv = true;
                Reply::EpsvAll
            }
            Some(Argument::Own | Argument::Of(_)) => match self.reserve().await {
                Ok(port) => Reply::ExtendedPassive(port),
                Err(refusal) => refusal,
            },
        }
    }

    /// Heeds `PORT` or `EPRT`: ends the reservation. To be called first, whether or not the server
    /// knows active mode.
    ///
    /// # Errors
    ///
    /// [`Reply::OnlyEpsv`] after `EPSV ALL`; the reservation stays then.
    pub fn active_mode(&mut self) -> Result<(), Reply> {
        if self.only_epsv {
            return Err(Reply::OnlyEpsv);
        }
        self.end_reservation();
        Ok(())
    }

    /// Waits for the client's data connection, which may have come before the transfer command or
    /// may come after it. It is for one transfer: the session has no reservation afterwards.
    ///
    /// The stream is as accepted: no options set, no bytes read.
    ///
    /// # Errors
    ///
    /// [`Reply::NotReserved`] if there was no `PASV` or `EPSV` for this transfer,
    /// [`Reply::NotConnected`] at the reservation's deadline, [`Reply::ShuttingDown`] when the mux
    /// is shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the reservation stays as it is, and the next call goes on waiting.
    /// So it can stand in a `select!` with the control connection.
    pub async fn data_connection(&mut self) -> Result<TcpStream, Reply> {
        let reservation = self.reservation.as_mut().ok_or(Reply::NotReserved)?;
        let accepted = reservation.accept().await;
        self.reservation = None;
        accepted.map_err(|error| match error {
            AcceptError::ShutDown => Reply::ShuttingDown,
            _ => Reply::NotConnected,
        })
    }

    /// Whether the session has a reservation for its next transfer. It may have expired since.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.reservation.is_some()
    }

    /// Ends the reservation, if there is one, as for `ABOR`: the port is free, and a data
    /// connection that had come but was not taken is reset.
    pub fn end_reservation(&mut self) {
        self.reservation = None;
    }

    /// Makes the session as new, as for `REIN`: ends the reservation and forgets `EPSV ALL`.
    pub fn reinitialize(&mut self) {
        self.end_reservation();
        self.only_epsv = false;
    }

    /// Both ends of the control connection.
    #[must_use]
    pub fn addresses(&self) -> &SessionAddresses {
        &self.addresses
    }

    /// Ends the reservation, makes a new one, and returns the port that the client is to be told.
    async fn reserve(&mut self) -> Result<u16, Reply> {
        self.end_reservation();
        let client = self.addresses.peer;
        match self.passive.mux.reserve(client).await {
            Ok(reservation) => {
                let port = self.passive.exposed(reservation.port());
                self.reservation = Some(reservation);
                Ok(port)
            }
            Err(error) => {
                log(&self.addresses, error);
                Err(Reply::NoPort(error))
            }
        }
    }
}

/// A client's own limits quietly, those of the whole server aloud.
fn log(addresses: &SessionAddresses, error: ReserveError) {
    let client = addresses.peer.ip();
    match error {
        ReserveError::TableFull => warn!(%client, "no passive port reserved: {error}"),
        _ => debug!(%client, "no passive port reserved: {error}"),
    }
}
