//! Any text as the argument of `EPSV`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ftp_adapter::Reply;

use super::mux::shared;

/// Asks a session over IPv4 and one over IPv6, and compares the answers with RFC 2428 said
/// plainly.
///
/// # Panics
///
/// If an answer differs, or a session keeps what it should not.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    shared(|runtime, passive| {
        let own: [(IpAddr, _, _); 2] = [
            (Ipv4Addr::LOCALHOST.into(), "1", Reply::OnlyIpv4),
            (Ipv6Addr::LOCALHOST.into(), "2", Reply::OnlyIpv6),
        ];
        for (peer, number, only) in own {
            let mut session = passive.session((peer, 4000).into(), (peer, 21).into());
            let reply = runtime.block_on(session.epsv(&text));
            let asked = text.trim();
            let all = matches!(asked.as_bytes(), [b'a' | b'A', b'l' | b'L', b'l' | b'L']);
            if asked.is_empty() || asked == number {
                let Reply::ExtendedPassive(port) = reply else { panic!("{text:?}: {reply}") };
                assert!(passive.mux().ports().contains(port));
            } else if asked == "1" || asked == "2" {
                assert_eq!(reply, only, "{text:?}");
            } else if all {
                assert_eq!(reply, Reply::EpsvAll, "{text:?}");
            } else {
                assert_eq!(reply, Reply::EpsvArgument, "{text:?}");
            }
            let reserved = matches!(reply, Reply::ExtendedPassive(_));
            assert_eq!(session.is_reserved(), reserved);
            assert_eq!(session.active_mode(), if all { Err(Reply::OnlyEpsv) } else { Ok(()) });
            drop(session);
            assert_eq!(passive.mux().stats().pending, 0);
        }
    });
}
