//! What a connection must say before it is matched: a PROXY header, for example.
//!
//! With a [hook](super::Builder::preface), a connection is not matched by the address that it comes
//! from but by what its first bytes say. Until they are there it waits in the [`stage`], which is
//! bounded in every respect, and no accept waits for it. Without a hook there is no stage.

mod arrivals;
mod peek;
#[cfg(feature = "proxy")]
mod proxied;
mod rejected;
mod stage;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) use peek::peek_until;
pub use rejected::{PrefaceError, PrefaceStats};
pub(super) use stage::Stage;

use crate::Client;

/// What the hook of [`Builder::preface`](super::Builder::preface) makes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preface {
    /// More bytes must come before it can be told.
    NeedMore,
    /// It is no valid preface: the connection is reset.
    Reject,
    /// It is nobody's and need not be, as a health check: the connection is reset and counted
    /// nowhere.
    Nobody,
    /// It is this client's.
    Identified {
        /// The client whose reservation it is matched with.
        client: Client,
        /// How many of the bytes seen belong to the preface. They are taken off the connection;
        /// the session gets all that follows.
        consumed: usize,
    },
}

/// How much the connections that wait for their preface may take together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefaceLimits {
    /// How many bytes are looked at. A connection whose hook wants more is reset.
    pub bytes: usize,
    /// How long a connection may take to say them.
    pub timeout: Duration,
    /// How many connections may wait. When there are more, the oldest is reset.
    pub overall: usize,
    /// How many connections from one address may wait. When there are more, the oldest of them is
    /// reset.
    pub per_source: usize,
}

/// The hook, as the mux keeps it.
#[derive(Clone)]
pub(super) struct Hook {
    pub(super) limits: PrefaceLimits,
    pub(super) judge: Arc<Judge>,
    /// What the operator can do about connections without a valid preface.
    pub(super) advice: Option<&'static str>,
}

type Judge = dyn Fn(SocketAddr, &[u8]) -> Preface + Send + Sync;

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("limits", &self.limits).finish_non_exhaustive()
    }
}
