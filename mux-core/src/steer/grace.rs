//! Waiting until no lookup is under way any more that began before.
//!
//! To find a listener for a connection the kernel runs the program and then takes the socket at
//! the index that it returned. Attaching a program does not wait for those that are between the
//! two. Such a lookup takes less than a microsecond, unless its processor is taken away: that of a
//! virtual machine can be, for milliseconds. If the index has been given to another client by
//! then, the connection begins at that client's listener.
//!
//! So after a client was taken out of a program, and before the index changes hands, the kernel is
//! asked to wait for all of its readers (RCU). That takes some ten milliseconds.

use std::thread;
use std::time::Duration;

/// `MEMBARRIER_CMD_GLOBAL` of membarrier(2): returns when every processor has left whatever it
/// was reading under RCU.
const GLOBAL: libc::c_long = 1;

/// Where the system call is not to be had (`nohz_full` processors, a sandbox), long enough for
/// any lookup that was not stopped on purpose.
const FALLBACK_WAIT: Duration = Duration::from_millis(100);

/// Blocks until every lookup that began before this call has come to its end.
pub(super) fn wait() {
    let (flags, processor): (libc::c_long, libc::c_long) = (0, 0);
    // SAFETY: membarrier takes three numbers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, flags, processor) };
    if result != 0 {
        thread::sleep(FALLBACK_WAIT);
    }
}
