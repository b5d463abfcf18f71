//! An allocator that counts, for tests of what memory is taken and given back.

#![allow(dead_code, reason = "not every test binary uses everything")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// Counts the bytes that are allocated, and the most there ever were.
struct Counting;

/// How many bytes are allocated.
pub(crate) static ALLOCATED: AtomicIsize = AtomicIsize::new(0);
/// The most there ever were.
pub(crate) static MOST: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// It needs neither memory nor an end, so the allocator may use it at any time.
    static OF_THREAD: Cell<isize> = const { Cell::new(0) };
}

/// How many bytes this thread has allocated and not given back: what others take does not count.
pub(crate) fn of_this_thread() -> isize {
    OF_THREAD.get()
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: it does what the system's allocator does, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = ALLOCATED.fetch_add(layout.size() as isize, Relaxed) + layout.size() as isize;
        MOST.fetch_max(now, Relaxed);
        OF_THREAD.set(OF_THREAD.get() + layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as isize, Relaxed);
        OF_THREAD.set(OF_THREAD.get() - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}
