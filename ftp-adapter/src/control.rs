//! Accepting control connections, whatever goes wrong.

use mux_core::Mux;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::{info, warn};

/// The first pause after an error, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// No pause is longer: so long it may take to notice that descriptors are to be had again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Accepts control connections, and goes on whatever goes wrong.
///
/// Out of descriptors, [`TcpListener::accept`] fails at once, again and again, though the
/// connection waits. A server that ends then is down; one that just tries again takes a whole
/// processor. This has the multiplexer give back the descriptors that it can spare, pauses, and
/// tries again.
#[derive(Debug)]
pub struct ControlListener {
    listener: TcpListener,
    mux: Mux,
    /// The last pause; zero if the last attempt succeeded.
    pause: Duration,
}

impl ControlListener {
    /// Accepts from `listener`.
    #[must_use]
    pub fn new(listener: TcpListener, mux: Mux) -> Self {
        Self { listener, mux, pause: Duration::ZERO }
    }

    /// The next control connection, and its client's address.
    ///
    /// The first error in a row is logged as a warning, and so is the end of the trouble.
    ///
    /// # Cancel safety
    ///
    /// Cancel-safe: no connection is lost.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    if !std::mem::take(&mut self.pause).is_zero() {
                        info!("control connections are accepted again");
                    }
                    return accepted;
                }
                Err(error) => {
                    if self.pause.is_zero() {
                        warn!("cannot accept a control connection, trying again: {error}");
                    }
                    self.mux.relieve();
                    self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                    sleep(self.pause).await;
                }
            }
        }
    }
}
