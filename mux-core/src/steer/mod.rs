//! Steering: listening sockets that only one client reaches (Linux).
//!
//! Some servers insist on calling `accept` on a listening socket of their own. Steering gives them
//! one on a port that many clients share: the kernel decides by the source address of the SYN
//! which of several listening sockets, all bound to the same address and port, gets a connection.
//!
//! This module is synchronous, blocks on nothing and knows nothing of reservations: it keeps the
//! books of one group of sockets. Something around it decides who is lent what, watches the
//! sockets for readability and calls [`Group::on_readable`].
//!
//! # How it works
//!
//! Listening sockets bound to one address and port with `SO_REUSEPORT` form a *group*, an array in
//! the kernel. A classic BPF program attached to the group (`SO_ATTACH_REUSEPORT_CBPF`, no
//! privilege needed) returns the index of the socket that gets a connection. Ours returns 0 unless
//! it knows the source address. Index 0 is the multiplexer's own listener, which deals with
//! everybody who is not steered; every other index is a [member](MemberId).
//!
//! The group obeys these rules of the kernel, and everything here follows from them:
//!
//! * A listener that joins is appended. One that leaves, by `close` or `shutdown`, leaves a hole
//!   into which *the last one is moved*.
//! * An index past the end falls back to a hash over all sockets: connections would go anywhere.
//! * The kernel does not wait for lookups under way when a program is replaced: an index taken from
//!   the old one may be used after. So a client that loses an index is taken out of the program first,
//!   then those lookups are waited for, and only then the index changes hands.
//! * A handshake that has begun at one listener is completed there, whatever the program says by
//!   then. So a listener that has ever been steered to serves **one client for its whole life**.
//!
//! # Invariants
//!
//! 1. `members[i]` is the socket at kernel index `i + 1`.
//! 2. The attached program returns `i + 1` exactly for the client of each `members[i]` that is
//!    marked as steered, and 0 for everybody else. It never names an index past the end.
//! 3. A socket is steered to at most one client between its `listen` and its end.
//!
//! *Reuse*: the client's idle member is emptied and its descriptor duplicated; the kernel's array
//! and program stay as they are.
//!
//! *Replace in place*: a new listener joins (it is the last one), then the old one is ended, and
//! the kernel moves the new one to exactly the index that the old one had. When the new one is for
//! the same client, the program stays as it is; so a revoked lease costs no attach. When it is for
//! another client, the old client is first taken out of the program, and the new client put in
//! last.
//!
//! *Remove* (no descriptor left for a new listener): the last member's client and the leaving one
//! are taken out of the program, the leaving one is ended, the last one is now at its index, and
//! its client is put back in. For the few microseconds between the two attaches the moved member's
//! client is not steered, which is why this is the last resort.
//!
//! # Ending a listener that its holder still has
//!
//! `shutdown(SHUT_RD)` on any duplicate ends listening for all of them: a blocked `accept` returns
//! `EINVAL`, queued connections are reset, the socket leaves the group. Then `SO_REUSEPORT` is
//! cleared on it, so that a late `listen` by the holder fails with `EADDRINUSE` and the socket can
//! never come back. The flag must go after the shutdown (a member without it breaks selection);
//! one look at `SO_ACCEPTCONN` afterwards closes the gap between the two.
//!
//! # What a holder may do
//!
//! Accept, poll, set options, call `listen` again (a no-op but for the backlog), and close. It
//! must keep the descriptor it was lent under the same number: a duplicate that outlives it is not
//! seen. It must not call `shutdown` on it: that takes the socket out of the group behind our back.
//!
//! # Peers that vanish
//!
//! Linux hands the options of a listening socket on to what is accepted from it. A lent listener
//! has keep-alive and `TCP_USER_TIMEOUT`: a connection ends once its peer has answered nothing, or
//! has made no room for what it is sent, for five minutes. A holder that wants it otherwise sets
//! other options on what it accepts.
//!
//! # Limits
//!
//! * A program has at most 4096 instructions: [`MAX_MEMBERS_V4`], [`MAX_MEMBERS_V6`].
//! * Attaching at a very high rate can hang every user of BPF on the machine (Linux 6.18), so a
//!   process attaches no more than 500 programs a second and 400 at once; [`LendError::TooFast`]
//!   says when to come again. Only the first lease of a client on a port takes an attach (two if
//!   the group is full). Later leases and revoking take none. And since a process that is killed
//!   frees all its programs at once, at most 512 groups of a process steer; a group starts to when
//!   it first lends. Beyond that, [`LendError::TooManyPorts`].
//! * `net.ipv4.tcp_migrate_req=1` makes the kernel keep ended listeners in the array:
//!   [`probe_steering`] refuses it.
//! * A socket of another user cannot join: create groups and [`Spares`] after dropping privileges.
//!   A process of the *same* user that binds the port with `SO_REUSEPORT` on purpose can join and
//!   spoils the order; it cannot do so by accident through [`Group::bind`], which claims the port
//!   exclusively first.

mod error;
mod grace;
mod group;
mod listener;
mod member;
mod outcome;
mod pace;
mod probe;
mod program;
mod spares;
mod swap;

pub use error::{LendError, SteeringUnavailable};
pub use group::{Group, Options};
pub use member::{LeaseId, MemberId, reset};
pub use outcome::{Arrival, Ended, Lent, Watch};
pub use probe::probe_steering;
pub use program::{MAX_MEMBERS_V4, MAX_MEMBERS_V6};
pub use spares::Spares;
