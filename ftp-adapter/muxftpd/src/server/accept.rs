//! Accepting control connections, whatever goes wrong.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The first pause after an error, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// No pause is longer: so long it may take to notice that descriptors are to be had again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Hands every control connection to `serve` until `stop`. No error ends it: out of descriptors,
/// it backs off instead of spinning, and goes on by itself.
pub(super) async fn accept(
    listener: TcpListener,
    stop: CancellationToken,
    mut serve: impl FnMut(TcpStream, SocketAddr),
) {
    let mut stopped = pin!(stop.cancelled());
    let mut pause = Duration::ZERO;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if !pause.is_zero() {
                    info!("control connections are accepted again");
                    pause = Duration::ZERO;
                }
                serve(stream, peer);
            }
            Err(error) => {
                if pause.is_zero() {
                    warn!("cannot accept a control connection, trying again: {error}");
                }
                pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                tokio::select! {
                    () = &mut stopped => return,
                    () = sleep(pause) => {}
                }
            }
        }
    }
}
