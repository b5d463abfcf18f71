//! The task that ends reservations at their deadline.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::core::Core;
use super::errors::AcceptError;
use crate::table::Time;

/// The table never claims what is past its deadline, so ports are given back in batches, at most
/// this late.
const BATCH: Duration = Duration::from_millis(10);

/// Starts to end reservations. When the mux is shut down, ends them all.
pub(super) fn spawn(core: &Arc<Core>) {
    let core = core.clone();
    core.tasks.clone().spawn(async move {
        let _closed = core.closed.run_until_cancelled(expire(&core)).await;
        core.expire(Time::MAX, AcceptError::ShutDown);
        core.close_groups();
        core.ended.cancel();
    });
}

async fn expire(core: &Arc<Core>) {
    loop {
        expire_due(core, core.clock.now());
        // SeqCst: partner of the load in `Core::try_reserve`. Storing before looking makes that
        // a reservation too late to be seen here sees this, and notifies.
        core.next_expiry.store(Time::MAX.as_nanos(), Ordering::SeqCst);
        let next = core.table.next_deadline();
        if let Some(next) = next {
            core.next_expiry.store(next.as_nanos(), Ordering::SeqCst);
        }
        let wake = next.and_then(|next| core.clock.instant(next));
        let earliest = Instant::now() + BATCH;
        tokio::select! {
            () = sleep_until(wake.unwrap_or(earliest).max(earliest)), if wake.is_some() => {}
            () = core.earlier_deadline.notified() => {}
        }
    }
}

/// Ends what is due at `now`. What has come before is dealt with first: from here on, its port may
/// be the client's next reservation's.
fn expire_due(core: &Arc<Core>, now: Time) {
    for port in core.table.due(now) {
        core.take_arrived(port);
    }
    core.expire(now, AcceptError::Expired);
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;
    use crate::{Mux, PortSet};

    /// On any one port that is free.
    fn mux() -> Mux {
        loop {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let builder = Mux::builder(PortSet::new([port..=port]).unwrap());
            if let Ok(mux) = builder.wait(Duration::ZERO).bind() {
                return mux;
            }
        }
    }

    /// The runtime has one thread, so what connects waits in the kernel until it is looked for.
    #[tokio::test]
    async fn what_came_before_the_deadline_is_not_the_next_reservations() {
        let mux = mux();
        let client = Ipv4Addr::LOCALHOST;
        let reserve = async || mux.reserve(std::net::IpAddr::from(client)).await.unwrap();
        let over = reserve().await;
        let left = TcpStream::connect((client, over.port())).unwrap();
        let deadline = mux.core.clock.now() + Duration::from_secs(3600);
        expire_due(&mux.core, deadline);

        let mut next = reserve().await;
        let rightful = TcpStream::connect((client, next.port())).unwrap();
        let here = next.accept().await.unwrap();
        assert_eq!(here.peer_addr().unwrap(), rightful.local_addr().unwrap());
        drop((over, left));
    }
}
