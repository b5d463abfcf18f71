//! What names the TLS sessions of one control connection: the tag that its tickets begin with, and
//! the numbers of those without tickets.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use std::sync::Arc;

/// TLS sessions without tickets that are remembered for each FTP session.
const MAX_REMEMBERED: usize = 64;

/// Long enough that nobody guesses it, nor two FTP sessions have the same.
type Tag = [u8; 16];

/// The names that one control connection has given out.
#[derive(Debug)]
pub(super) struct SessionNames {
    tag: Tag,
    numbered: Arc<dyn StoresServerSessions>,
}

impl SessionNames {
    /// Has `config` name its sessions so that they are known again: with tickets, or, over TLS
    /// 1.2, with session numbers.
    pub(super) fn given_by(config: &mut ServerConfig) -> Result<Self, rustls::Error> {
        let mut tag = Tag::default();
        config.crypto_provider().secure_random.fill(&mut tag)?;
        config.ticketer = Arc::new(TaggedTickets { tag, tickets: ring::Ticketer::new()? });
        let numbered = ServerSessionMemoryCache::new(MAX_REMEMBERED);
        config.session_storage = Arc::clone(&numbered) as _;
        Ok(Self { tag, numbered })
    }

    /// Whether a client that offers this name may have it from here. Whether it has its keys, only
    /// the handshake shows.
    pub(super) fn include(&self, name: &[u8]) -> bool {
        name.starts_with(&self.tag) || self.numbered.get(name).is_some()
    }
}

/// Tickets that begin with a tag.
#[derive(Debug)]
struct TaggedTickets {
    tag: Tag,
    tickets: Arc<dyn ProducesTickets>,
}

impl ProducesTickets for TaggedTickets {
    fn enabled(&self) -> bool {
        self.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some([&self.tag[..], &self.tickets.encrypt(plain)?].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.tickets.decrypt(ticket.strip_prefix(&self.tag)?)
    }
}
