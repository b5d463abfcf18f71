//! The advertised address in libunftp's terms.

use crate::passive::{Advertised, SessionAddresses};
use ::libunftp::options::PassiveHost;

/// What libunftp is to name in this session's `PASV` replies. It cannot refuse for want of an
/// address, so where none is known it names the control connection's own.
pub(super) fn passive_host(advertised: &Advertised, session: &SessionAddresses) -> PassiveHost {
    advertised.for_session(session).map_or(PassiveHost::FromConnection, PassiveHost::Ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn what_is_known_is_named() {
        let session = |local: &str| {
            SessionAddresses::new("[::1]:4000".parse().unwrap(), local.parse().unwrap())
        };
        let own = Advertised::from_connection();
        let local = Ipv4Addr::LOCALHOST;
        assert_eq!(passive_host(&own, &session("127.0.0.1:21")), PassiveHost::Ip(local));
        assert_eq!(passive_host(&own, &session("[::1]:21")), PassiveHost::FromConnection);
        let fixed = Advertised::fixed(local);
        assert_eq!(passive_host(&fixed, &session("[::1]:21")), PassiveHost::Ip(local));
    }
}
