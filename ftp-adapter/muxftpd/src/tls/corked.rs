//! A handshake whose last part leaves with what is sent next.
//!
//! That part is a ticket, and over TLS 1.2 the end of the handshake. A client that is about to
//! download gets it in one segment with the data, and wakes once.

use socket2::SockRef;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

/// Makes the handshake. The kernel keeps its last part until more is sent, the connection is
/// closed, or a fifth of a second has gone. What the client has to answer is sent at once.
pub(super) async fn accept(mut accept: Accept<TcpStream>) -> io::Result<TlsStream<TcpStream>> {
    let mut is_corked = false;
    poll_fn(|context| {
        let polled = Pin::new(&mut accept).poll(context);
        if polled.is_pending()
            && let Some(stream) = accept.get_ref()
        {
            // The client is to answer what was written just now.
            if is_corked {
                cork(stream, false);
            }
            cork(stream, true);
            is_corked = true;
        }
        polled
    })
    .await
}

fn cork(stream: &TcpStream, on: bool) {
    // Where it cannot be set, all is sent at once.
    let _ = SockRef::from(stream).set_tcp_cork(on);
}
