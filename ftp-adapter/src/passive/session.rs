//! One session's passive mode.

use super::epsv::{Argument, Protocol};
use super::{Passive, Reply, SessionAddresses};
use mux_core::mux::{AcceptError, NotVerified, ReserveError, VerifiedReservation, Verifier};
use mux_core::{Client, Reservation};
use std::net::{IpAddr, SocketAddrV4};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tracing::{debug, warn};

/// How long another connection is awaited after one was rejected. A client that has been told 150
/// connects at once, and then waits for its reply.
const REJECTED_PATIENCE: Duration = Duration::from_secs(3);

/// The passive mode of one session: all that `PASV`, `EPSV`, `PORT`, `EPRT` and the transfer
/// commands have to heed. Made by [`Passive::session`], one for each control connection.
///
/// It holds at most one reservation. A new `PASV` or `EPSV` ends the one before, so that the
/// session's own port counts as free; dropping this ends it too.
///
/// `T` is what a [`Verifier`] makes of a connection, for servers that
/// [verify](Self::verify_connections) them.
#[derive(Debug)]
#[must_use = "dropping it ends the session's reservation"]
pub struct PassiveSession<T = TcpStream> {
    passive: Passive,
    addresses: SessionAddresses,
    held: Option<Held<T>>,
    /// The last reservation that was made.
    last: Option<Last>,
    /// Whether `EPSV ALL` is in force.
    only_epsv: bool,
    /// What finds the right connection among those that come for the next reservation.
    verifier: Option<Verifier<T>>,
}

/// A reservation as its client was told of it.
#[derive(Debug, Clone, Copy)]
struct Last {
    port: u16,
    made: Instant,
}

#[derive(Debug)]
enum Held<T> {
    /// For the next connection, whichever it is.
    Next(Reservation),
    /// For the first connection that is verified.
    Verified(VerifiedReservation<T>),
}

impl PassiveSession {
    pub(super) fn new(passive: Passive, addresses: SessionAddresses) -> Self {
        Self { passive, addresses, held: None, last: None, only_epsv: false, verifier: None }
    }

    /// The same session for a server whose verified connections are something else than a
    /// `TcpStream`: a TLS stream, for example. To be called first.
    pub fn verified_as<T>(self) -> PassiveSession<T> {
        let Self { passive, addresses, only_epsv, .. } = self;
        PassiveSession { passive, addresses, held: None, last: None, only_epsv, verifier: None }
    }
}

impl<T: Send + 'static> PassiveSession<T> {
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
    /// [`Reply::NotReserved`] if there was no `PASV` or `EPSV` for this transfer, or it was with
    /// [a verifier](Self::verify_connections); [`Reply::NotConnected`] at the reservation's
    /// deadline, [`Reply::ShuttingDown`] when the mux is shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the reservation stays as it is, and the next call goes on waiting.
    /// So it can stand in a `select!` with the control connection.
    pub async fn data_connection(&mut self) -> Result<TcpStream, Reply> {
        let Some(Held::Next(reservation)) = &mut self.held else {
            return Err(Reply::NotReserved);
        };
        let accepted = reservation.accept().await;
        self.held = None;
        accepted.map_err(not_accepted)
    }

    /// Has connections verified before one counts, from the next `PASV` or `EPSV` on; by default
    /// none are. The address does not tell who is behind a NAT, but the TLS session that a data
    /// connection resumes does: give a verifier after `PROT P` to insist on it.
    ///
    /// The next reservation is then for the first connection that `verifier` approves, which
    /// [`verified_connection`](Self::verified_connection) returns. Connections are verified from
    /// the reply to `PASV` on, whether or not the transfer command has come; one that is rejected
    /// is reset, and the reservation stays. So somebody who connects first, from behind the same
    /// NAT, and stalls does not keep the rightful connection out. How many are verified at a time,
    /// and how long, is said at [`VerifiedReservation`].
    pub fn verify_connections(&mut self, verifier: Option<Verifier<T>>) {
        self.verifier = verifier;
    }

    /// Waits for the data connection that is verified, as
    /// [`data_connection`](Self::data_connection) waits for any, and returns what the verifier
    /// made of it.
    ///
    /// # Errors
    ///
    /// As [`data_connection`](Self::data_connection), but [`Reply::NotReserved`] if `PASV` was
    /// without a verifier. [`Reply::NotVerified`] when there were connections, all were
    /// rejected, and no other has come for 3 s or before the deadline.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the reservation stays as it is, and the next call goes on waiting.
    pub async fn verified_connection(&mut self) -> Result<T, Reply> {
        let Some(Held::Verified(reservation)) = &mut self.held else {
            return Err(Reply::NotReserved);
        };
        let verified = reservation.verified(REJECTED_PATIENCE).await;
        self.held = None;
        verified.map_err(|none| match none {
            NotVerified::NotAccepted(error) => not_accepted(error),
            _ => Reply::NotVerified,
        })
    }

    /// Whether the session has a reservation for its next transfer. It may have expired since.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.held.is_some()
    }

    /// The passive port of the last reservation as it is listened on, also when that reservation
    /// is over. Replies may name [another](super::PortMap).
    #[must_use]
    pub fn last_port(&self) -> Option<u16> {
        self.last.map(|last| last.port)
    }

    /// The other addresses from which connections came to [`last_port`](Self::last_port) since it
    /// was reserved, and were reset; the last one first, some eight at most. When the client did
    /// not connect, its data connection may be among them: from a proxy, or by another way
    /// through a NAT.
    #[must_use]
    pub fn strangers(&self) -> Vec<IpAddr> {
        let Some(Last { port, made }) = self.last else { return Vec::new() };
        let strangers = self.passive.mux.recent_strangers(port, made).into_iter();
        strangers.map(Client::ip).filter(|ip| *ip != self.addresses.peer.ip()).collect()
    }

    /// Ends the reservation, if there is one, as for `ABOR`: the port is free, and a data
    /// connection that had come but was not taken is reset.
    pub fn end_reservation(&mut self) {
        self.held = None;
    }

    /// Ends the reservation as [`end_reservation`](Self::end_reservation), but returns a data
    /// connection that had come, for a transfer that is refused: send the reply first, and let the
    /// client read it before you close the connection. Many clients begin TLS at once, and take a
    /// reset for the answer.
    ///
    /// With a [verifier](Self::verify_connections) there may be several, as nobody knows yet which
    /// one is the client's own.
    #[must_use = "dropping them closes the connections"]
    pub async fn take_connections(&mut self) -> Vec<TcpStream> {
        match self.held.take() {
            None => Vec::new(),
            Some(Held::Next(reservation)) => reservation.end().into_iter().collect(),
            Some(Held::Verified(reservation)) => reservation.end().await,
        }
    }

    /// Makes the session as new, as for `REIN`: ends the reservation, and forgets `EPSV ALL` and
    /// the [verifier](Self::verify_connections).
    pub fn reinitialize(&mut self) {
        self.end_reservation();
        self.only_epsv = false;
        self.verifier = None;
    }

    /// Both ends of the control connection.
    #[must_use]
    pub fn addresses(&self) -> &SessionAddresses {
        &self.addresses
    }

    /// Ends the reservation, makes a new one, and returns the port that the client is to be told.
    async fn reserve(&mut self) -> Result<u16, Reply> {
        self.end_reservation();
        let (client, made) = (self.addresses.peer, Instant::now());
        let reserved = match self.verifier.clone() {
            Some(verifier) => {
                self.passive.mux.reserve_verified(client, verifier).await.map(Held::Verified)
            }
            None => self.passive.mux.reserve(client).await.map(Held::Next),
        };
        match reserved {
            Ok(held) => {
                let port = held.port();
                self.last = Some(Last { port, made });
                self.held = Some(held);
                Ok(self.passive.exposed(port))
            }
            Err(error) => {
                self.log(error);
                Err(Reply::NoPort(error))
            }
        }
    }

    /// A client's own limits quietly, those of the whole server aloud, once a minute.
    fn log(&self, error: ReserveError) {
        let client = self.addresses.peer.ip();
        let is_of_all = matches!(
            error,
            ReserveError::TableFull | ReserveError::TooManyClients | ReserveError::QueueFull
        );
        if is_of_all && self.passive.told.is_due() {
            warn!(%client, "no passive port reserved: {error}");
        } else {
            debug!(%client, "no passive port reserved: {error}");
        }
    }
}

impl<T> Held<T> {
    fn port(&self) -> u16 {
        match self {
            Self::Next(reservation) => reservation.port(),
            Self::Verified(reservation) => reservation.port(),
        }
    }
}

fn not_accepted(error: AcceptError) -> Reply {
    match error {
        AcceptError::ShutDown => Reply::ShuttingDown,
        _ => Reply::NotConnected,
    }
}
