//! Connections on their way into the stage. The accept path adds them and waits for no lock; where
//! there are too many, the oldest gives way, or a flood would keep out who comes after it.

use std::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

/// At most so many `T`, which are dropped when the queue is closed.
#[derive(Debug)]
pub(super) struct Arrivals<T> {
    queue: ArrayQueue<T>,
    added: Notify,
    is_closed: AtomicBool,
}

impl<T> Arrivals<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let queue = ArrayQueue::new(capacity);
        Self { queue, added: Notify::new(), is_closed: AtomicBool::new(false) }
    }

    /// Adds one. Returns the oldest where there are too many.
    pub(super) fn add(&self, arrival: T) -> Option<T> {
        let oldest = self.queue.force_push(arrival);
        self.added.notify_one();
        // Partner: the fence in `close`. Either that thread finds what was added, or this one
        // sees that the queue is closed.
        fence(Ordering::SeqCst);
        if self.is_closed.load(Ordering::Relaxed) {
            self.clear();
        }
        oldest
    }

    /// Takes the oldest as soon as there is one. For one task. Cancel safe.
    pub(super) async fn take(&self) -> T {
        loop {
            if let Some(arrival) = self.queue.pop() {
                return arrival;
            }
            self.added.notified().await;
        }
    }

    /// Drops what is there, and what is added later.
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        // Partner: the fence in `add`.
        fence(Ordering::SeqCst);
        self.clear();
    }

    fn clear(&self) {
        while self.queue.pop().is_some() {}
    }

    /// Closes the queue when it is dropped.
    pub(super) fn close_on_drop(&self) -> impl Drop {
        CloseOnDrop(self)
    }
}

struct CloseOnDrop<'a, T>(&'a Arrivals<T>);

impl<T> Drop for CloseOnDrop<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_oldest_gives_way() {
        let arrivals = Arrivals::new(2);
        assert_eq!([1, 2, 3, 4].map(|n| arrivals.add(n)), [None, None, Some(1), Some(2)]);
        assert_eq!((arrivals.take().await, arrivals.take().await), (3, 4));
    }

    #[tokio::test]
    async fn taking_waits_until_there_is_one() {
        let arrivals = Arc::new(Arrivals::new(2));
        let taking = tokio::spawn({
            let arrivals = Arc::clone(&arrivals);
            async move { arrivals.take().await }
        });
        tokio::task::yield_now().await;
        arrivals.add(1);
        assert_eq!(taking.await.unwrap(), 1);
    }

    #[test]
    fn nothing_stays_in_a_closed_queue() {
        let (arrivals, arrival) = (Arrivals::new(2), Arc::new(()));
        arrivals.add(Arc::clone(&arrival));
        drop(arrivals.close_on_drop());
        assert_eq!(Arc::strong_count(&arrival), 1);
        arrivals.add(Arc::clone(&arrival));
        assert_eq!(Arc::strong_count(&arrival), 1);
    }
}
