//! The steps that change the kernel's array and its program, in the only order that is right.

use std::io;
use std::sync::Arc;

use socket2::{Domain, Socket};
use tracing::warn;

use super::grace;
use super::group::Group;
use super::listener;
use super::member::Member;
use super::outcome::{Ended, Next, Watch};
use super::pace;
use super::program::Program;
use crate::Client;

impl Group {
    /// Attaches a program that names every member that has a client, but for those at an index
    /// that `left_out` is true for and for condemned ones. On an error the old one stays.
    pub(super) fn attach_without(&mut self, left_out: impl Fn(usize) -> bool) -> io::Result<()> {
        let named = |index, member: &Member| member.client_to_steer().filter(|_| !left_out(index));
        self.attach(named)
    }

    /// Attaches a program that names each member for the client that `named` says. On an error the
    /// old one stays.
    pub(super) fn attach(
        &mut self,
        named: impl Fn(usize, &Member) -> Option<Client>,
    ) -> io::Result<()> {
        if self.members.is_empty() {
            return Ok(());
        }
        let entries = (0..)
            .zip(&self.members)
            .filter_map(|(index, member)| Some((named(index, member)?, index as u32 + 1)));
        pace::count();
        Program::new(self.address.is_ipv4(), entries).attach(&self.own)?;
        for (index, member) in self.members.iter_mut().enumerate() {
            member.is_steered = named(index, member).is_some();
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
        if next == Next::AnyClient && self.members[index].is_steered {
            self.attach_without(|_| false)?;
            grace::wait();
        }
        let ended = Arc::clone(&self.members[index].socket);
        listener::join(&socket, self.address, self.options.member_backlog)?; // Step 2: it is last.
        listener::end(&ended); // Step 3: the last one is moved to this index.
        let mut member = self.new_member(socket);
        self.clock += 1;
        if next == Next::SameClient {
            member.succeed(&self.members[index], self.clock);
        }
        self.members[index] = member;
        Ok(())
    }

    /// Ends `members[index]` without a new listener: the last member takes its index.
    fn remove(&mut self, index: usize) -> io::Result<()> {
        let last = self.members.len() - 1;
        if self.members[index].is_steered || self.members[last].is_steered {
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
        let spares = Arc::clone(&self.spares);
        let swapped = spares.open(domain).and_then(|socket| self.swap(index, socket, next));
        let Err(error) = swapped else {
            let member = &self.members[index];
            let watch = Watch { member: member.id, socket: Arc::clone(&member.socket) };
            return Ended::Revoked { watch: Some(watch) };
        };
        match self.remove(index) {
            Ok(()) => Ended::Revoked { watch: None },
            Err(attach) => {
                warn!(address = %self.address, %error, %attach, "a lease cannot be ended yet");
                self.members[index].condemn();
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
        while let Some(index) = self.members.iter().position(Member::is_condemned) {
            // Nobody would be told of a listener that is steered to: it must be watched first.
            if matches!(self.end_held(index, Next::AnyClient), Ended::Deferred) {
                return;
            }
        }
        let stranded = |member: &Member| member.holder().is_some() && !member.is_steered;
        if self.members.iter().any(stranded) && self.attach_without(|_| false).is_err() {
            return;
        }
        self.unsettled = false;
    }
}
