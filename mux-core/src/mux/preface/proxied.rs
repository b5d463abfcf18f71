//! The preface of connections that come through a proxy: a PROXY header.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::debug;

use super::super::Builder;
use super::{Hook, Preface, PrefaceLimits};
use crate::proxy::{HEADER_TIMEOUT, MAX_HEADER_LENGTH, Networks, Origin, Progress, read};

const ADVICE: &str = "a proxy in front passes on a connection to a passive port without a PROXY \
    header, so it is nobody's; have it send one there too (HAProxy: send-proxy-v2, nginx: \
    proxy_protocol on)";

/// A proxy has one address, so as many may wait from one as from all.
const MAX_WAITING: usize = 4096;

impl Builder {
    /// Takes the client's address from the PROXY header (versions 1 and 2) of connections that
    /// come from `networks`.
    ///
    /// A connection from these networks must begin with a header: without one it is reset. A
    /// connection from elsewhere is its own address's, whatever it says. The address in the header
    /// must be the one that was reserved for, so the proxy in front of the control connection must
    /// name the client in the same way, and must pass on the passive ports with a header as well.
    /// Health checks (`LOCAL`) are closed and counted nowhere.
    ///
    /// A header must have come after 5 s. 4,096 connections may wait for theirs. A connection
    /// without a valid one is told in the log at `warn`, once a minute.
    pub fn proxied_by(self, networks: Networks) -> Self {
        let limits = PrefaceLimits {
            bytes: MAX_HEADER_LENGTH,
            timeout: HEADER_TIMEOUT,
            overall: MAX_WAITING,
            per_source: MAX_WAITING,
        };
        let judge = move |peer: SocketAddr, seen: &[u8]| {
            if !networks.contains(peer) {
                return Preface::Identified { client: peer.into(), consumed: 0 };
            }
            match read(seen) {
                Progress::More => Preface::NeedMore,
                Progress::Header(header) => match header.origin {
                    Origin::Client { source, .. } => {
                        Preface::Identified { client: source.into(), consumed: header.length }
                    }
                    Origin::Unknown => {
                        Preface::Identified { client: peer.into(), consumed: header.length }
                    }
                    Origin::Local => Preface::Nobody,
                },
                Progress::Refused(error) => {
                    debug!(%peer, %error, "a connection from a proxy has no valid PROXY header");
                    Preface::Reject
                }
            }
        };
        self.hook(Hook { limits, judge: Arc::new(judge), advice: Some(ADVICE) })
    }
}
