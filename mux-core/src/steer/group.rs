//! One group: what is lent to whom on one address and port.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;

use socket2::{Domain, Socket};
use tracing::{debug, warn};

use super::error::LendError;
use super::grace;
use super::listener;
use super::member::{Holder, LeaseId, Member, MemberId, State, reset};
use super::outcome::{Arrival, Ended, Lent, Next, Watch};
use super::pace::{self, ProgramPermit};
use super::program::{MAX_MEMBERS_V4, MAX_MEMBERS_V6, Program};
use super::spares::Spares;
use crate::Client;

/// How a [`Group`] is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many connections may wait at the own listener (the kernel caps it at `somaxconn`).
    pub backlog: u32,
    /// How many connections may wait at a steered listener, until its holder chooses otherwise.
    pub member_backlog: u32,
    /// The most steered listeners, capped at [`MAX_MEMBERS_V4`] or [`MAX_MEMBERS_V6`].
    pub max_members: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { backlog: 1024, member_backlog: 64, max_members: MAX_MEMBERS_V4 }
    }
}

/// How many idle members give up their clients at a time.
const MAX_RETIRED: usize = 32;

/// The listeners of one address and port: the own one, and one for each client that is steered.
///
/// The group and its caller share the own listener, which is index 0 and must outlive every
/// member: closing it earlier would move a member there, which then got connections of anybody.
///
/// Dropping the group ends every steered listener, lent or not.
#[derive(Debug)]
pub struct Group {
    pub(super) address: SocketAddr,
    pub(super) own: Own,
    /// The right to have a program; `None` until the first listener is lent. See [`pace`].
    program: Option<ProgramPermit>,
    pub(super) options: Options,
    pub(super) spares: Arc<Spares>,
    /// `members[i]` is the socket at kernel index `i + 1`. See the invariants of [`super`].
    pub(super) members: Vec<Member>,
    /// The most members, lowered when the kernel has no room for a longer program.
    limit: usize,
    next_member: u64,
    pub(super) clock: u64,
    /// Something is to be made up for: see [`Group::settle`].
    pub(super) unsettled: bool,
}

/// The own listener, whatever type the front has given it.
pub(super) struct Own(Arc<dyn AsFd + Send + Sync>);

impl AsFd for Own {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Own").field(&self.as_fd()).finish()
    }
}

impl Group {
    /// Claims `address` and starts to listen there. Returns the group and its own listener, which
    /// gets every connection that is not steered and is non-blocking. Port 0 takes a free one.
    ///
    /// An IPv6 address gets IPv6 connections only.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if anybody listens on the port, another group included; otherwise what the
    /// system says about the socket or the program (see [`probe_steering`](super::probe_steering)).
    pub fn bind(
        address: SocketAddr,
        options: Options,
        spares: Arc<Spares>,
    ) -> io::Result<(Self, Arc<TcpListener>)> {
        Self::bind_as(address, options, spares, |own| Ok(Arc::new(own)))
    }

    /// As [`bind`](Self::bind), for a front that has a listener type of its own: `wrap` makes it.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind), and what `wrap` fails with.
    pub fn bind_as<Listener: AsFd + Send + Sync + 'static>(
        address: SocketAddr,
        options: Options,
        spares: Arc<Spares>,
        wrap: impl FnOnce(TcpListener) -> io::Result<Arc<Listener>>,
    ) -> io::Result<(Self, Arc<Listener>)> {
        let most = if address.is_ipv4() { MAX_MEMBERS_V4 } else { MAX_MEMBERS_V6 };
        let (own, address) = listener::first(address, options.backlog)?;
        let own = wrap(own.into())?;
        if let Err(error) = spares.replenish(Domain::for_address(address)) {
            warn!(%address, %error, "no spare socket for revoking when descriptors run out");
        }
        let group = Self {
            address,
            own: Own(Arc::clone(&own) as _),
            program: None,
            options,
            spares,
            members: Vec::new(),
            limit: options.max_members.min(most),
            next_member: 0,
            clock: 0,
            unsettled: false,
        };
        Ok((group, own))
    }

    /// The address and port that the group listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many steered listeners there are, lent and idle.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// How many steered listeners are lent.
    #[must_use]
    pub fn lent(&self) -> usize {
        self.members.iter().filter(|member| !member.is_unheld()).count()
    }

    /// Lends a listener that only `client` reaches, until its holder closes it or `lease` is
    /// [revoked](Self::revoke). An older lease of the same client on this group is ended first.
    ///
    /// # Errors
    ///
    /// See [`LendError`]. Nothing is lent then; an older lease of the client has ended all the same.
    pub fn lend(&mut self, client: Client, lease: LeaseId) -> Result<Lent, LendError> {
        if client.is_ipv4() != self.address.is_ipv4() {
            return Err(LendError::WrongFamily);
        }
        self.settle();
        let mut reset = 0;
        if let Some(index) = self.position(client)
            && let Some(Holder { lease: older, .. }) = self.members[index].holder()
        {
            let ended = self.end_lease(index);
            debug!(address = %self.address, %client, ?older, ?ended, "an older lease gives way");
            if let Ended::ByHolder { reset: queued } = ended {
                reset += queued;
            }
        }
        let index = match self.position(client) {
            Some(index) if self.members[index].is_condemned() => {
                return Err(io::Error::from(io::ErrorKind::OutOfMemory).into());
            }
            Some(index) => {
                if !self.members[index].is_steered {
                    self.keep_pace()?;
                }
                reset += self.empty(index)?;
                index
            }
            None => {
                self.keep_pace()?;
                self.vacancy()?
            }
        };
        let lent = match self.hand_out(index, client, lease, reset) {
            Err(error) if self.is_too_long(index, &error) => {
                self.shorten();
                let index = self.vacancy()?;
                self.hand_out(index, client, lease, reset)
            }
            Err(error) => {
                self.keep_away(index);
                Err(error)
            }
            lent => lent,
        };
        self.check();
        lent
    }

    /// Ends `lease` now, whatever its holder does. `None` if it is not a current lease: it ended
    /// before, and nothing is done.
    pub fn revoke(&mut self, lease: LeaseId) -> Option<Ended> {
        self.settle();
        let index = self
            .members
            .iter()
            .position(|member| member.holder().is_some_and(|holder| holder.lease == lease))?;
        let mut ended = self.end_lease(index);
        if let Ended::Revoked { watch } = &mut ended {
            *watch = watch.take().and_then(|watch| self.watch(watch.member));
        }
        debug!(address = %self.address, lease = lease.get(), ?ended, "lease revoked");
        self.check();
        Some(ended)
    }

    /// The members whose client `is_wanted`, each with its client.
    pub fn members_of(&self, is_wanted: impl Fn(Client) -> bool) -> Vec<(MemberId, Client)> {
        let members = self.members.iter().filter_map(|member| Some((member.id, member.client()?)));
        members.filter(|(_, client)| is_wanted(*client)).collect()
    }

    /// Finds out what a readable member means, and takes what is queued if nobody holds it.
    ///
    /// What is queued at a member without holder is not reset here but handed to `stranger`,
    /// non-blocking: it is the client's, but came when no listener was lent to it. A caller
    /// that delivers connections in other ways as well can treat it as one from the own listener;
    /// every other caller passes [`reset`].
    pub fn on_readable(&mut self, member: MemberId, stranger: impl FnMut(TcpStream)) -> Arrival {
        self.settle();
        let Some(index) = self.members.iter().position(|candidate| candidate.id == member) else {
            return Arrival::Gone;
        };
        let found = &self.members[index];
        let arrival = match found.state() {
            State::Condemned { .. } => Arrival::Held,
            State::Lent { holder, .. } if !found.is_closed_by(holder) => Arrival::Held,
            State::Lent { holder, .. } => {
                // Out of descriptors something may stay in the queue. It goes when more arrives or
                // the member is lent again; the end of the lease is not kept back for it.
                let drained = found.drain(stranger);
                self.end_lease_of(index);
                Arrival::Finished { lease: holder.lease, strangers: drained.taken }
            }
            State::Fresh | State::Idle { .. } | State::Retired => {
                let drained = found.drain(stranger);
                match drained.left {
                    Ok(false) => Arrival::Idle { strangers: drained.taken },
                    Ok(true) | Err(_) => Arrival::Held,
                }
            }
        };
        self.check();
        arrival
    }

    /// Gives back the idle members at the end of the group, and says how many. Their descriptors
    /// are closed once their watchers let go of them ([`Arrival::Gone`]).
    ///
    /// An idle member in front of a lent one stays: a group can only shrink from its end, and
    /// moving a lent one would turn its client away for a moment.
    pub fn trim(&mut self) -> usize {
        self.settle();
        let keep = self.members.iter().rposition(|member| !member.is_unheld()).map_or(0, |i| i + 1);
        let count = self.members.len() - keep;
        if count > 0 {
            if let Err(error) = self.attach_without(|index| index >= keep) {
                warn!(address = %self.address, %error, "idle listeners cannot be given back");
                return 0;
            }
            // What is past the end goes anywhere.
            grace::wait();
            while self.members.len() > keep {
                self.end_last();
            }
            debug!(address = %self.address, count, "idle listeners given back");
        }
        self.check();
        count
    }

    /// Ends many groups, with one wait for all of them rather than one for each.
    pub fn end_all(groups: impl IntoIterator<Item = Self>) {
        let mut groups: Vec<Self> = groups.into_iter().collect();
        for group in &mut groups {
            group.steer_nobody();
        }
        if groups.iter().any(|group| !group.members.is_empty()) {
            grace::wait();
        }
    }

    fn steer_nobody(&mut self) {
        if let Err(error) = self.attach_without(|_| true) {
            warn!(address = %self.address, %error, "steered listeners are ended while steered to");
        }
    }

    fn position(&self, client: Client) -> Option<usize> {
        self.members.iter().position(|member| member.client() == Some(client))
    }

    /// Ends the lease of `members[index]`, which has one, in the way that fits.
    fn end_lease(&mut self, index: usize) -> Ended {
        let member = &self.members[index];
        if member.holder().is_none_or(|holder| member.is_closed_by(holder)) {
            // Out of descriptors the rest waits until the member is lent again.
            let reset = member.drain(reset).taken;
            self.end_lease_of(index);
            return Ended::ByHolder { reset };
        }
        self.end_held(index, Next::SameClient)
    }

    fn end_lease_of(&mut self, index: usize) {
        self.clock += 1;
        self.members[index].end_lease(self.clock);
    }

    /// Resets what waits at an idle member.
    fn empty(&self, index: usize) -> io::Result<usize> {
        let drained = self.members[index].drain(reset);
        // What came while we were busy with the rest is left for the holder: same client.
        drained.left.map(|_| drained.taken)
    }

    /// The index of a member that nobody was ever steered to.
    fn vacancy(&mut self) -> Result<usize, LendError> {
        let fresh = |member: &Member| member.state() == State::Fresh;
        if let Some(index) = self.members.iter().position(fresh) {
            return Ok(index);
        }
        let sparing = self.spares.has_plenty() && self.members.iter().any(Member::is_unheld);
        if self.members.len() < self.limit && !sparing {
            self.need_program()?;
            let socket = listener::open(Domain::for_address(self.address))?;
            listener::join(&socket, self.address, self.options.member_backlog)?;
            let member = self.new_member(socket);
            self.members.push(member);
            return Ok(self.members.len() - 1);
        }
        let retired = |member: &Member| member.state() == State::Retired;
        let retired = self.members.iter().position(retired);
        let index = match retired {
            Some(index) => index,
            None => self.retire_idle()?,
        };
        // Only a revoke may use a spare: lending needs one more descriptor than it frees.
        let socket = listener::open(Domain::for_address(self.address))?;
        self.swap(index, socket, Next::AnyClient)?;
        Ok(index)
    }

    /// Takes the clients away from the members that have been idle longest, so that their places
    /// can be used, and returns the index of one. Of several, because the wait is the same.
    fn retire_idle(&mut self) -> Result<usize, LendError> {
        let since = |(index, member): (usize, &Member)| match member.state() {
            State::Idle { since, .. } => Some((since, index)),
            _ => None,
        };
        let mut idle: Vec<(u64, usize)> =
            self.members.iter().enumerate().filter_map(since).collect();
        idle.sort_unstable();
        idle.truncate(idle.len().div_ceil(4).min(MAX_RETIRED));
        let &(_, oldest) = idle.first().ok_or(LendError::Full)?;
        self.attach_without(|index| idle.iter().any(|&(_, retired)| retired == index))?;
        grace::wait();
        for (_, index) in idle {
            self.members[index].retire();
        }
        Ok(oldest)
    }

    /// Sees to it that there is a program before there is a first member: without one the kernel
    /// would spread connections over both listeners.
    fn need_program(&mut self) -> Result<(), LendError> {
        if self.program.is_none() {
            let place = ProgramPermit::take().ok_or(LendError::TooManyPorts)?;
            // It frees no earlier one, so the pace has nothing to do with it.
            Program::new(self.address.is_ipv4(), std::iter::empty()).attach(&self.own)?;
            self.program = Some(place);
        }
        Ok(())
    }

    /// Lends `members[index]`, which is idle and serves `client` or nobody yet.
    fn hand_out(
        &mut self,
        index: usize,
        client: Client,
        lease: LeaseId,
        reset: usize,
    ) -> Result<Lent, LendError> {
        let member = &self.members[index];
        let listener = TcpListener::from(member.socket.try_clone()?);
        if !member.is_steered {
            self.attach(
                |at, member| {
                    if at == index { Some(client) } else { member.client_to_steer() }
                },
            )?;
        }
        let member = &mut self.members[index];
        member.lend(client, Holder { lease, descriptor: listener.as_raw_fd() });
        let member = member.id;
        Ok(Lent { listener, member, watch: self.watch(member), reset })
    }

    /// Whether the program may be changed now.
    fn keep_pace(&self) -> Result<(), LendError> {
        let retry_in = pace::wait();
        if retry_in.is_zero() { Ok(()) } else { Err(LendError::TooFast { retry_in }) }
    }

    /// Takes `members[index]` out of the program if nobody watches it: connections would wait there
    /// for ever. It stays its client's, who is steered again when it is lent.
    fn keep_away(&mut self, index: usize) {
        let member = &self.members[index];
        if !member.is_steered || member.is_watched {
            return;
        }
        if let Err(error) = self.attach_without(|left_out| left_out == index) {
            warn!(address = %self.address, %error, "an unwatched listener stays steered to");
        }
    }

    /// Whether the kernel refused the program for its length: `members[index]` was appended just
    /// now. (`net.core.optmem_max` limits it, and was small before Linux 6.7.)
    fn is_too_long(&self, index: usize, error: &LendError) -> bool {
        let LendError::System(error) = error else { return false };
        error.raw_os_error() == Some(libc::ENOMEM)
            && index > 0
            && index + 1 == self.members.len()
            && self.members[index].state() == State::Fresh
    }

    /// Takes the last member, which is not steered, away again and appends none any more.
    fn shorten(&mut self) {
        self.end_last();
        self.limit = self.members.len();
        warn!(
            address = %self.address, members = self.limit,
            "the system has no room for a longer steering program: raise net.core.optmem_max"
        );
    }

    /// What is to be watched, the first time that it is asked for.
    fn watch(&mut self, id: MemberId) -> Option<Watch> {
        let member = self.members.iter_mut().find(|member| member.id == id)?;
        if std::mem::replace(&mut member.is_watched, true) {
            return None;
        }
        Some(Watch { member: id, socket: Arc::clone(&member.socket) })
    }

    pub(super) fn new_member(&mut self, socket: Socket) -> Member {
        self.next_member += 1;
        Member::new(MemberId(self.next_member), socket, self.spares.count())
    }

    /// Checks in debug builds what can be checked without asking the kernel.
    fn check(&self) {
        if cfg!(debug_assertions) {
            for (index, member) in self.members.iter().enumerate() {
                let client = member.client();
                let same = |other: &Member| other.client() == client;
                assert!(
                    client.is_none() || !self.members[..index].iter().any(same),
                    "two members for one client"
                );
                assert!(!member.is_steered || client.is_some(), "steered, but for nobody");
                assert!(
                    member.holder().is_none() || member.is_steered || self.unsettled,
                    "lent, but not steered"
                );
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.members.iter().any(|member| member.is_steered) {
            self.steer_nobody();
            grace::wait();
        }
        while !self.members.is_empty() {
            self.end_last();
        }
    }
}
