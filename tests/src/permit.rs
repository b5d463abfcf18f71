//! How many tests have servers running at the same time.
//!
//! A machine with many processors runs many tests at once. Each `muxftpd` attaches programs in
//! the kernel, at a pace that is safe for one server and not for dozens, so tests take turns.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

/// More than a machine with a few processors makes use of.
const AT_ONCE: usize = 6;

static FREE: Mutex<usize> = Mutex::new(AT_ONCE);
static GIVEN_BACK: Condvar = Condvar::new();

thread_local! {
    static OWN: RefCell<Weak<Permit>> = const { RefCell::new(Weak::new()) };
}

/// One of the [`AT_ONCE`]. All servers that a test starts share one, because a test that waited
/// for a second while others do the same would wait for ever.
#[derive(Debug)]
pub(crate) struct Permit(());

impl Permit {
    /// This test's permit, once there is one.
    pub(crate) fn obtain() -> Arc<Self> {
        OWN.with_borrow_mut(|own| {
            own.upgrade().unwrap_or_else(|| {
                let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
                let mut free = GIVEN_BACK
                    .wait_while(free, |free| *free == 0)
                    .unwrap_or_else(PoisonError::into_inner);
                *free -= 1;
                let permit = Arc::new(Self(()));
                *own = Arc::downgrade(&permit);
                permit
            })
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        GIVEN_BACK.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn a_test_shares_one_permit_and_others_wait_for_theirs() {
        let first = Permit::obtain();
        assert!(Arc::ptr_eq(&first, &Permit::obtain()));
        let (sender, taken) = mpsc::channel();
        let (go, waits) = mpsc::channel::<()>();
        let waits = Mutex::new(waits);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                let (sender, waits) = (sender.clone(), &waits);
                scope.spawn(move || {
                    let permit = Permit::obtain();
                    sender.send(()).unwrap();
                    // Until the end of the test, or one at a time when it says so.
                    let _ = waits.lock().unwrap().recv();
                    drop(permit);
                });
            }
            for _ in 1..AT_ONCE {
                taken.recv().unwrap();
            }
            assert!(taken.try_recv().is_err(), "one more than there are");
            drop(first);
            taken.recv().unwrap();
            drop(go);
        });
    }
}
