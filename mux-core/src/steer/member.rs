//! A member of a group: the socket that is kept, whom it serves, and who holds a duplicate.

use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{SockRef, Socket};

use super::spares::Counted;
use crate::Client;

/// The most connections that one call takes off a member's queue. A client that connects as fast
/// as they are taken must not keep the group's lock for ever.
const MAX_DRAIN: usize = 1024;

/// One lending of a listener. Chosen by the caller and never used twice: a stale one does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(u128);

impl LeaseId {
    /// The lease with this number.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

/// One socket of a group, for as long as it is in the group. Unique within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub(super) u64);

/// Closes a connection with a reset, so that its peer learns at once and nothing lingers.
pub fn reset(connection: TcpStream) {
    // A failure only makes the close a graceful one.
    let _ = SockRef::from(&connection).set_linger(Some(Duration::ZERO));
    drop(connection);
}

/// What a descriptor refers to: equal for duplicates of one socket, different otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: libc::dev_t,
    inode: libc::ino_t,
}

impl Identity {
    /// `None` if no file is open under that number.
    fn of(descriptor: RawFd) -> Option<Self> {
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: any number may be asked about, a closed one gives EBADF; the buffer is valid
        // for a write of its own type.
        let result = unsafe { libc::fstat(descriptor, stat.as_mut_ptr()) };
        if result != 0 {
            return None;
        }
        // SAFETY: fstat succeeded, so it has filled the buffer.
        let stat = unsafe { stat.assume_init() };
        Some(Self { device: stat.st_dev, inode: stat.st_ino })
    }
}

/// Who holds a lent member: the lease, and the descriptor number that its holder got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) lease: LeaseId,
    pub(super) descriptor: RawFd,
}

/// Where a member is in its life. It has one client at most, from the first lending on.
///
/// ```text
///           lend               end of the lease           retire
///   Fresh ───────► Lent ───────────────────────► Idle ───────────► Retired
///                   │ ▲                            │
///           condemn │ └──────────── lend ──────────┘
///                   ▼
///               Condemned
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It was never steered to: any client may have it.
    Fresh,
    /// The client's, and held.
    Lent { client: Client, holder: Holder },
    /// The client's for its next lease. `since` is in the group's own count.
    Idle { client: Client, since: u64 },
    /// It was steered to and never is again: only its place is of use.
    Retired,
    /// Its lease was revoked, but the system has not let us end the socket yet.
    Condemned { client: Client },
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    _counted: Counted,
    /// Shared with its watcher, so ending it is a shutdown and never just a close.
    pub(super) socket: Arc<Socket>,
    identity: Option<Identity>,
    state: State,
    /// Whether the attached program names this member.
    pub(super) is_steered: bool,
    /// Whether the socket was handed out to be watched.
    pub(super) is_watched: bool,
}

impl Member {
    pub(super) fn new(id: MemberId, socket: Socket, counted: Counted) -> Self {
        Self {
            id,
            _counted: counted,
            identity: Identity::of(socket.as_raw_fd()),
            socket: Arc::new(socket),
            state: State::Fresh,
            is_steered: false,
            is_watched: false,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Takes the place of a member that was the same client's, under the program as it is.
    pub(super) fn succeed(&mut self, old: &Self, since: u64) {
        debug_assert_eq!(self.state, State::Fresh);
        if let Some(client) = old.client() {
            self.state = State::Idle { client, since };
            self.is_steered = old.is_steered;
        }
    }

    /// Fresh or Idle → Lent, once the program names it for `client`.
    pub(super) fn lend(&mut self, client: Client, holder: Holder) {
        debug_assert!(self.client().is_none_or(|own| own == client) && self.is_unheld());
        self.state = State::Lent { client, holder };
    }

    /// Lent → Idle: the holder has closed its descriptor.
    pub(super) fn end_lease(&mut self, since: u64) {
        if let State::Lent { client, .. } = self.state {
            self.state = State::Idle { client, since };
        }
    }

    /// Idle → Retired, once no program names it and no lookup is under way that began before.
    pub(super) fn retire(&mut self) {
        debug_assert!(matches!(self.state, State::Idle { .. }) && !self.is_steered);
        self.state = State::Retired;
    }

    /// Lent → Condemned.
    pub(super) fn condemn(&mut self) {
        if let State::Lent { client, .. } = self.state {
            self.state = State::Condemned { client };
        }
    }

    pub(super) fn client(&self) -> Option<Client> {
        match self.state {
            State::Lent { client, .. }
            | State::Idle { client, .. }
            | State::Condemned { client } => Some(client),
            State::Fresh | State::Retired => None,
        }
    }

    /// The client that a new program is to name it for.
    pub(super) fn client_to_steer(&self) -> Option<Client> {
        match self.state {
            State::Lent { client, .. } | State::Idle { client, .. } => Some(client),
            State::Fresh | State::Retired | State::Condemned { .. } => None,
        }
    }

    pub(super) fn holder(&self) -> Option<Holder> {
        match self.state {
            State::Lent { holder, .. } => Some(holder),
            _ => None,
        }
    }

    pub(super) fn is_condemned(&self) -> bool {
        matches!(self.state, State::Condemned { .. })
    }

    /// Whether nobody holds it, and it may be ended or lent.
    pub(super) fn is_unheld(&self) -> bool {
        matches!(self.state, State::Fresh | State::Idle { .. } | State::Retired)
    }

    /// Whether the holder has closed the descriptor it was lent: its number is free again or
    /// refers to something else.
    pub(super) fn is_closed_by(&self, holder: Holder) -> bool {
        let identity = Identity::of(holder.descriptor);
        identity.is_none() || identity != self.identity
    }

    /// Whether there is anything to take, or to be told.
    fn is_readable(&self) -> bool {
        let mut asked = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        // Where it cannot be told, accepting tells.
        poll(&mut asked, PollTimeout::ZERO).map_or(true, |count| count > 0)
    }

    /// Takes what is queued. Only for a member that nobody else accepts on.
    pub(super) fn drain(&self, mut each: impl FnMut(TcpStream)) -> Drained {
        // Nothing waits, as a rule, and to accept is dear: it makes a socket first.
        if !self.is_readable() {
            return Drained { taken: 0, left: Ok(false) };
        }
        // The flag is shared with the duplicate, whose holder may have cleared it.
        if let Err(error) = self.socket.set_nonblocking(true) {
            return Drained { taken: 0, left: Err(error) };
        }
        let mut taken = 0;
        for _ in 0..MAX_DRAIN {
            match self.socket.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
                Ok((connection, _)) => {
                    taken += 1;
                    each(connection.into());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Drained { taken, left: Ok(false) };
                }
                Err(error) if is_the_connections(&error) => {}
                Err(error) => return Drained { taken, left: Err(error) },
            }
        }
        Drained { taken, left: Ok(true) }
    }
}

/// Whether `accept` failed for the connection that was to be accepted, so that the next one may
/// well be fine (accept(2)), and not for want of something or because nobody listens.
fn is_the_connections(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    !matches!(code, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EINVAL))
}

/// The outcome of [`Member::drain`].
pub(super) struct Drained {
    pub(super) taken: usize,
    /// Whether there may be more, or what kept us from taking it.
    pub(super) left: io::Result<bool>,
}

#[cfg(test)]
mod tests {
    use super::super::spares::Spares;
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_descriptor_is_closed_when_its_number_is_free_or_refers_to_something_else() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let member =
            Member::new(MemberId(0), Socket::from(listener), Arc::new(Spares::new()).count());
        let lent = member.socket.try_clone().unwrap();
        let holder = Holder { lease: LeaseId::new(1), descriptor: lent.as_raw_fd() };
        assert!(!member.is_closed_by(holder));
        let other = Holder { descriptor: std::io::stdin().as_raw_fd(), ..holder };
        assert!(member.is_closed_by(other));
        // No process has this many descriptors, so no other test can be given the number.
        assert!(member.is_closed_by(Holder { descriptor: RawFd::MAX, ..holder }));
        assert!(member.is_closed_by(Holder { descriptor: -1, ..holder }));
    }
}
