//! The wait queue: the requests of a client that wait for a port, first come, first served.
//!
//! Each client has a queue of its own, and only the request at its head tries to reserve. The head
//! is woken when a port of its client is freed. A request that leaves, served or not, wakes the
//! one that is at the head then. New requests join behind; they never overtake.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{Notify, mpsc};

use crate::{ClientKey, ReserveError};

/// The wait queues of all clients.
#[derive(Debug)]
pub(super) struct WaitQueue {
    queues: DashMap<ClientKey, VecDeque<Arc<Notify>>>,
    waiting: AtomicUsize,
    freed: mpsc::UnboundedSender<ClientKey>,
    limits: QueueLimits,
}

/// How many requests may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueLimits {
    pub(super) per_client: usize,
    pub(super) overall: usize,
}

/// A request that waits; dropping it leaves the queue.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    queue: &'a WaitQueue,
    client: ClientKey,
    wake: Arc<Notify>,
}

/// The clients of which a port was freed, for [`WaitQueue::wake_heads`].
pub(super) type Freed = mpsc::UnboundedReceiver<ClientKey>;

impl WaitQueue {
    pub(super) fn new(limits: QueueLimits) -> (Self, Freed) {
        let (freed, receiver) = mpsc::unbounded_channel();
        let queues = DashMap::new();
        (Self { queues, waiting: AtomicUsize::new(0), freed, limits }, receiver)
    }

    /// How many requests wait, over all clients.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether a request of this client waits already.
    pub(super) fn has(&self, client: ClientKey) -> bool {
        self.waiting() > 0 && self.queues.contains_key(&client)
    }

    /// Joins the end of the client's queue.
    ///
    /// # Errors
    ///
    /// [`ReserveError::ClientQueueFull`] and [`ReserveError::QueueFull`] at the limits.
    pub(super) fn join(&self, client: ClientKey) -> Result<Waiter<'_>, ReserveError> {
        // Counting first keeps the bound exact however many join at once.
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limits.overall {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(ReserveError::QueueFull);
        }
        let wake = Arc::new(Notify::new());
        {
            let mut queue = self.queues.entry(client).or_default();
            if queue.len() >= self.limits.per_client {
                drop(queue);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Err(ReserveError::ClientQueueFull);
            }
            queue.push_back(Arc::clone(&wake));
        }
        // Partner of the fence in `port_freed`: either that call sees this request waiting, or our
        // next attempt sees the port that it freed.
        fence(Ordering::SeqCst);
        Ok(Waiter { queue: self, client, wake })
    }

    /// Says that a port was freed for `client`. Takes no lock, so that the accept path may.
    pub(super) fn port_freed(&self, client: ClientKey) {
        // Partner of the fence in `join`.
        fence(Ordering::SeqCst);
        if self.waiting() > 0 {
            // Without a receiver the mux is shut down, and no request is served any more.
            let _ = self.freed.send(client);
        }
    }

    /// Wakes the head of a client's queue, each time a port of the client is freed.
    pub(super) async fn wake_heads(&self, mut freed: Freed) {
        while let Some(client) = freed.recv().await {
            self.wake_head(client);
        }
    }

    fn wake_head(&self, client: ClientKey) {
        if let Some(head) = self.queues.get(&client).and_then(|queue| queue.front().cloned()) {
            head.notify_one();
        }
    }
}

impl Waiter<'_> {
    /// Whether every request that came before has left.
    pub(super) fn is_head(&self) -> bool {
        self.queue
            .queues
            .get(&self.client)
            .and_then(|queue| queue.front().map(|head| Arc::ptr_eq(head, &self.wake)))
            .unwrap_or(false)
    }

    /// Waits until there is a reason to try (again). A wake-up that came before is not lost.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut queue) = self.queue.queues.entry(self.client) {
            queue.get_mut().retain(|wake| !Arc::ptr_eq(wake, &self.wake));
            match queue.get().front() {
                Some(head) => head.notify_one(),
                None => {
                    queue.remove();
                }
            }
        }
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::ClientPrefix;

    fn client(last: u8) -> ClientKey {
        ClientPrefix::ADDRESS.key(IpAddr::from(Ipv4Addr::new(192, 0, 2, last)))
    }

    fn queue(per_client: usize, overall: usize) -> (WaitQueue, Freed) {
        WaitQueue::new(QueueLimits { per_client, overall })
    }

    #[tokio::test]
    async fn the_head_leaves_and_the_next_is_the_head() {
        let (queue, _freed) = queue(9, 9);
        let one = queue.join(client(1)).unwrap();
        let two = queue.join(client(1)).unwrap();
        let other = queue.join(client(2)).unwrap();
        assert!(one.is_head() && !two.is_head() && other.is_head());
        drop(one);
        two.woken().await;
        assert!(two.is_head());
        assert!(queue.has(client(1)));
        drop((two, other));
        assert!(!queue.has(client(1)));
        assert_eq!(queue.waiting(), 0);
        assert!(queue.queues.is_empty(), "empty queues are forgotten");
    }

    #[tokio::test]
    async fn a_freed_port_wakes_the_head_also_if_it_was_not_listening_yet() {
        let (queue, freed) = queue(9, 9);
        let one = queue.join(client(1)).unwrap();
        queue.port_freed(client(1));
        tokio::select! {
            () = queue.wake_heads(freed) => unreachable!("goes on as long as the queue lives"),
            () = one.woken() => {}
        }
    }

    #[test]
    fn the_bounds_hold() {
        let (queue, _freed) = queue(2, 3);
        let _one = queue.join(client(1)).unwrap();
        let two = queue.join(client(1)).unwrap();
        assert_eq!(queue.join(client(1)).err(), Some(ReserveError::ClientQueueFull));
        let _three = queue.join(client(2)).unwrap();
        assert_eq!(queue.join(client(3)).err(), Some(ReserveError::QueueFull));
        drop(two);
        assert!(queue.join(client(3)).is_ok());
        assert_eq!(queue.waiting(), 2);
    }
}
