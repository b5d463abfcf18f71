//! Heeding the control connection while something else goes on.

use crate::session::control::{Control, Interrupt};
use crate::session::reply::Reply;
use std::pin::pin;
use tokio_util::sync::CancellationToken;

/// Does `work`, unless the client aborts it or is gone, or until `stop`. `STAT` is answered
/// meanwhile, and every other command waits.
///
/// # Cancel safety
///
/// As `work`.
pub(super) async fn unless_interrupted<T>(
    control: &mut Control,
    stop: &CancellationToken,
    status: impl Fn() -> Reply,
    work: impl Future<Output = T>,
) -> Result<T, Interrupt> {
    let mut work = pin!(work);
    let mut stopped = pin!(stop.cancelled());
    loop {
        let interrupt = tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            interrupt = control.interrupted() => interrupt,
            () = &mut stopped => Interrupt::ShuttingDown,
        };
        match interrupt {
            Interrupt::Status => {
                if control.reply(&status()).await.is_err() {
                    return Err(Interrupt::Gone);
                }
            }
            interrupt => return Err(interrupt),
        }
    }
}
