//! Who the clients are: addresses, and the sessions behind each.

use crate::quantity::Nat;

/// Client addresses in groups, each address of a group with as many sessions.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    groups: Vec<Group>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) addresses: u32,
    pub(crate) sessions: u32,
    first_client: u32,
    first_session: u64,
}

impl Population {
    /// The addresses of all groups, in their order.
    pub(crate) fn new(groups: impl IntoIterator<Item = Nat>) -> Self {
        let (mut first_client, mut first_session) = (0, 0);
        let groups = groups.into_iter().filter(|group| group.addresses > 0).map(|group| {
            let Nat { addresses, sessions } = group;
            let group = Group { addresses, sessions, first_client, first_session };
            first_client += addresses;
            first_session += u64::from(addresses) * u64::from(sessions);
            group
        });
        Self { groups: groups.collect() }
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) fn clients(&self) -> u32 {
        self.groups.iter().map(|group| group.addresses).sum()
    }

    pub(crate) fn sessions(&self) -> u64 {
        self.groups.iter().map(Group::all_sessions).sum()
    }

    /// The client that a session belongs to.
    pub(crate) fn client_of(&self, session: u64) -> u32 {
        let after = self.groups.partition_point(|group| group.first_session <= session);
        let group = &self.groups[after - 1];
        let within = (session - group.first_session) / u64::from(group.sessions);
        group.first_client + within as u32
    }
}

impl Group {
    /// The sessions of all addresses of the group.
    pub(crate) fn all_sessions(&self) -> u64 {
        u64::from(self.addresses) * u64::from(self.sessions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_has_its_client() {
        let population = Population::new([
            Nat { addresses: 3, sessions: 1 },
            Nat { addresses: 0, sessions: 7 },
            Nat { addresses: 2, sessions: 4 },
        ]);
        assert_eq!((population.clients(), population.sessions()), (5, 11));
        let clients: Vec<u32> = (0..11).map(|session| population.client_of(session)).collect();
        assert_eq!(clients, [0, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4]);
    }
}
