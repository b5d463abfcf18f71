//! The steps that change the kernel's array and its program, in the only order that is right.

use std::io;

use socket2::{Domain, Socket};
use tracing::warn;

use super::grace;
use super::group::Group;
use super::listener;
use super::member::Member;
use super::outcome::{Ended, Next, Watch};
use super::pace;
use super::program::Program;

impl Group {
    /// Attaches a program that names every member that has a client, but for those at an index
    /// that `left_out` is true for and for condemned ones. On an error the old one stays.
    pub(super) fn attach_without(&mut self, left_out: impl Fn(usize) -> bool) -> io::Result<()> {
        if self.members.is_empty() {
            return Ok(());
        }
        let named = |index: usize, member: &Member| !member.condemned && !left_out(index);
        let entries = (0..).zip(&self.members).filter(|(index, member)| named(*index, member));
        let entries =
            entries.filter_map(|(index, member)| Some((member.client?, index as u32 + 1)));
        pace::count();
        Program::new(self.address.is_ipv4(), entries).attach(&self.own)?;
        for (index, member) in self.members.iter_mut().enumerate() {
            member.steered = member.client.is_some() && named(index, member);
        }
        Ok(())
    }

    /// Replaces `members[index]` in place by a new listener, made from `socket`.
    ///
    /// On an error the member is still there, but for [`Next::AnyClient`] it may have been taken
    /// out of the program.
    pub(super) fn swap(&mut self, index: usize, socket: Socket, next: Next) -> io::Result<()> {
        // Step 1: nobody is steered to the index that changes hands. If somebody was, the member
        // is condemned, so that no new program names it.
        if next == Next::AnyClient && self.members[index].steered {
            self.attach_without(|_| false)?;
            grace::wait();
        }
        let ended = self.members[index].socket.clone();
        listener::join(&socket, self.address, self.options.member_backlog)?; // Step 2: it is last.
        listener::end(&ended); // Step 3: the last one is moved to this index.
        let mut member = self.new_member(socket);
        if next == Next::SameClient {
            let old = &self.members[index];
            (member.client, member.steered) = (old.client, old.steered);
        }
        self.clock += 1;
        member.idle_since = self.clock;
        self.members[index] = member;
        Ok(())
    }

    /// Ends `members[index]` without a new listener: the last member takes its index.
    fn remove(&mut self, index: usize) -> io::Result<()> {
        let last = self.members.len() - 1;
        if self.members[index].steered || self.members[last].steered {
            self.attach_without(|left_out| left_out == index || left_out == last)?;
            grace::wait();
        }
        listener::end(&self.members[index].socket);
        self.members.swap_remove(index);
        if index < last
            && let Err(error) = self.attach_without(|_| false)
        {
            warn!(address = %self.address, %error, "a client is not steered for now");
            self.unsettled = true;
        }
        Ok(())
    }

    /// Ends `members[index]`, which is the last one, not steered to, or at the end of everything.
    pub(super) fn end_last(&mut self) {
        if let Some(member) = self.members.pop() {
            listener::end(&member.socket);
        }
    }

    /// Ends a lease whose holder still has its descriptor.
    pub(super) fn end_held(&mut self, index: usize, next: Next) -> Ended {
        let domain = Domain::for_address(self.address);
        let spares = self.spares.clone();
        let swapped = spares.open(domain).and_then(|socket| self.swap(index, socket, next));
        let Err(error) = swapped else {
            let member = &self.members[index];
            let watch = Watch { member: member.id, socket: member.socket.clone() };
            return Ended::Revoked { watch: Some(watch) };
        };
        match self.remove(index) {
            Ok(()) => Ended::Revoked { watch: None },
            Err(attach) => {
                warn!(address = %self.address, %error, %attach, "a lease cannot be ended yet");
                self.members[index].lease = None;
                self.members[index].condemned = true;
                self.unsettled = true;
                Ended::Deferred
            }
        }
    }

    /// Makes up for what the system refused earlier: ends condemned members, and steers clients
    /// that a removal left unsteered.
    pub(super) fn settle(&mut self) {
        if !self.unsettled {
            return;
        }
        while let Some(index) = self.members.iter().position(|member| member.condemned) {
            // Nobody would be told of a listener that is steered to: it must be watched first.
            if matches!(self.end_held(index, Next::AnyClient), Ended::Deferred) {
                return;
            }
        }
        let stranded = |member: &Member| member.lease.is_some() && !member.steered;
        if self.members.iter().any(stranded) && self.attach_without(|_| false).is_err() {
            return;
        }
        self.unsettled = false;
    }
}
