//! Settings of the C library's allocator.

/// Blocks of this size and more, in bytes, are mapped one by one, and unmapped when they are freed.
/// What transfers and listings use again and again is smaller; what a password's hash takes is
/// larger.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_SIZE: nix::libc::c_int = 1 << 20;

/// Has large blocks go back to the system as soon as they are freed.
///
/// Left alone, glibc keeps what is freed for the thread that freed it, in up to eight heaps for
/// each processor, and once a block of 19 MiB was freed it lets each of them keep twice that. The
/// passwords of users who log in are hashed on changing threads, in blocks of just that size.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_large_blocks_back() {
    use nix::libc::{M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};
    for (setting, size) in [(M_MMAP_THRESHOLD, MAPPED_SIZE), (M_TRIM_THRESHOLD, 2 * MAPPED_SIZE)] {
        // SAFETY: it takes two numbers and locks the heap that it changes.
        let set = unsafe { mallopt(setting, size) };
        debug_assert_eq!(set, 1, "glibc knows both settings");
    }
}

/// Others map large blocks one by one anyway.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_large_blocks_back() {}
