//! A DNS name whose address is looked up ahead of time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

/// How often a name is looked up again.
const REFRESH_EVERY: Duration = Duration::from_secs(60);

/// Why a name gave no address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The resolver failed, or does not know the name.
    #[error("the passive host {name} cannot be resolved: {error}")]
    Lookup {
        /// The name.
        name: String,
        /// What the resolver said.
        error: io::Error,
    },
    /// The name has no IPv4 address.
    #[error("the passive host {0} has no IPv4 address, and PASV replies can name no other")]
    NoIpv4(String),
}

/// A name's address, kept up to date by a background task until dropped.
#[derive(Debug)]
pub(super) struct Named {
    name: String,
    ip: Arc<LastGood>,
    refresh: JoinHandle<()>,
}

impl Named {
    /// Looks `name` up, and keeps looking it up. Must be called inside a tokio runtime.
    pub(super) async fn start(name: String) -> Result<Self, ResolveError> {
        let ip = look_up(&name, None).await?;
        let ip = Arc::new(LastGood(AtomicU32::new(ip.to_bits())));
        let refresh = tokio::spawn(keep_fresh(name.clone(), Arc::clone(&ip)));
        Ok(Self { name, ip, refresh })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The address as it was last known. Waits for nothing.
    pub(super) fn ip(&self) -> Ipv4Addr {
        self.ip.get()
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.refresh.abort();
    }
}

#[derive(Debug)]
struct LastGood(AtomicU32);

impl LastGood {
    fn get(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, ip: Ipv4Addr) {
        self.0.store(ip.to_bits(), Ordering::Relaxed);
    }
}

async fn keep_fresh(name: String, last_good: Arc<LastGood>) {
    let mut ticks = interval(REFRESH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut failing = false;
    loop {
        ticks.tick().await;
        let before = last_good.get();
        match look_up(&name, Some(before)).await {
            Ok(ip) => {
                if ip != before {
                    info!("the passive host {name} is now {ip}, it was {before}");
                    last_good.set(ip);
                }
                failing = false;
            }
            Err(error) if failing => debug!("{error}; still using {before}"),
            Err(error) => {
                warn!("{error}; still using {before}");
                failing = true;
            }
        }
    }
}

/// An IPv4 address of `name`: `before` if it still is one, so that several addresses in changing
/// order are no change.
async fn look_up(name: &str, before: Option<Ipv4Addr>) -> Result<Ipv4Addr, ResolveError> {
    let answers = lookup_host((name, 0))
        .await
        .map_err(|error| ResolveError::Lookup { name: name.to_owned(), error })?;
    pick(answers, before).ok_or_else(|| ResolveError::NoIpv4(name.to_owned()))
}

/// The IPv4 address among the answers that is `before`, or else the first.
fn pick(answers: impl Iterator<Item = SocketAddr>, before: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
    let mut first = None;
    for answer in answers {
        if let SocketAddr::V4(answer) = answer {
            let ip = *answer.ip();
            if before == Some(ip) {
                return before;
            }
            first = first.or(Some(ip));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const STALE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    /// What is known of `name` after it was looked up once more, if it was `STALE` before and is
    /// looked up three times.
    async fn refreshed(name: &str) -> Ipv4Addr {
        let last_good = Arc::new(LastGood(AtomicU32::new(STALE.to_bits())));
        let refresh = tokio::spawn(keep_fresh(name.to_owned(), Arc::clone(&last_good)));
        // The clock is not moved on while a look-up is under way, on a thread of its own.
        sleep(REFRESH_EVERY * 7 / 2).await;
        assert!(!refresh.is_finished(), "it goes on");
        refresh.abort();
        last_good.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_address_is_noticed() {
        assert_eq!(refreshed("localhost").await, Ipv4Addr::LOCALHOST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_good_address_stays_when_a_name_is_lost() {
        assert_eq!(refreshed("no\0name").await, STALE);
    }

    #[tokio::test]
    async fn a_name_without_an_ipv4_address_is_refused() {
        let error = Named::start("::1".to_owned()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the passive host ::1 has no IPv4 address, and PASV replies can name no other"
        );
        let error = Named::start("no\0name".to_owned()).await.unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("cannot be resolved: {}", lookup_error().await))
        );
    }

    async fn lookup_error() -> io::Error {
        lookup_host(("no\0name", 0)).await.map(|_| ()).unwrap_err()
    }

    #[tokio::test]
    async fn a_name_that_is_dropped_is_not_looked_up_any_more() {
        let named = Named::start("localhost".to_owned()).await.unwrap();
        let refresh = named.refresh.abort_handle();
        assert!(!refresh.is_finished());
        drop(named);
        while !refresh.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn of_several_addresses_the_one_in_use_stays() {
        let ips = [1, 2, 3].map(|last| Ipv4Addr::new(192, 0, 2, last));
        let pick = |before| pick(ips.iter().map(|ip| SocketAddr::from((*ip, 0))), before);
        assert_eq!(pick(None), Some(ips[0]));
        assert_eq!(pick(Some(Ipv4Addr::LOCALHOST)), Some(ips[0]));
        assert_eq!(pick(Some(ips[1])), Some(ips[1]));
        let known = look_up("localhost", Some(Ipv4Addr::LOCALHOST)).await.unwrap();
        assert_eq!(known, Ipv4Addr::LOCALHOST);
        assert_eq!(look_up("localhost", Some(STALE)).await.unwrap(), Ipv4Addr::LOCALHOST);
    }
}
