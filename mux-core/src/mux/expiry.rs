//! The task that ends reservations at their deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::accept_queue;
use super::core::Core;
use super::errors::AcceptError;
use super::lifecycle::Delivery;
use super::watch;
use crate::table::Time;

/// The table never claims what is past its deadline, so ports are given back in batches, at most
/// this late.
const BATCH_INTERVAL: Duration = Duration::from_millis(10);

/// Starts to end reservations. When the mux is shut down, ends them all.
pub(super) fn spawn(core: &Arc<Core>) {
    let core = Arc::clone(core);
    core.tasks.clone().spawn(async move {
        let _closed = core.closed.run_until_cancelled(expire_in_time(&core)).await;
        expire(&core, Time::MAX, AcceptError::ShutDown);
        // Every steered listener ends before the accept path, and with it the own listeners.
        if let Some(groups) = &core.groups {
            groups.close();
        }
        core.ended.cancel();
    });
}

async fn expire_in_time(core: &Arc<Core>) {
    let reservations = &core.reservations;
    loop {
        expire_due(core, reservations.clock().now());
        let next = reservations.alarm.set(|| reservations.next_deadline());
        let wake = next.and_then(|next| reservations.clock().instant(next));
        let earliest = Instant::now() + BATCH_INTERVAL;
        tokio::select! {
            () = sleep_until(wake.unwrap_or(earliest).max(earliest)), if wake.is_some() => {}
            () = reservations.alarm.deadline_is_earlier() => {}
        }
    }
}

/// Ends what is due at `now`. What has come before is dealt with first: from here on, its port may
/// be the client's next reservation's.
fn expire_due(core: &Arc<Core>, now: Time) {
    for port in core.reservations.due(now) {
        accept_queue::drain(core, port);
    }
    expire(core, now, AcceptError::Expired);
}

/// Ends what is due at `now`, and tells the sessions `why`.
fn expire(core: &Arc<Core>, now: Time, why: AcceptError) {
    core.reservations.expire(now, |id, port, delivery| match delivery {
        // A session that has dropped its end does not want to know.
        Delivery::Stream(session) => drop(session.send(Err(why))),
        Delivery::End(session) => drop(session.send(why)),
        // It has no deadline of its own.
        Delivery::Candidate(_) => {}
        Delivery::Listener { address, client } => {
            watch::revoke_on(core, address, port, client, id);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};

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
        let reserve = async || mux.reserve(IpAddr::from(client)).await.unwrap();
        let over = reserve().await;
        let left = TcpStream::connect((client, over.port())).unwrap();
        let deadline = mux.core.reservations.clock().now() + Duration::from_secs(3600);
        expire_due(&mux.core, deadline);

        let mut next = reserve().await;
        let rightful = TcpStream::connect((client, next.port())).unwrap();
        let here = next.accept().await.unwrap();
        assert_eq!(here.peer_addr().unwrap(), rightful.local_addr().unwrap());
        drop((over, left));
    }
}
