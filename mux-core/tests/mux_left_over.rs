//! Connections that came for a reservation that is over, and wait to be accepted: they are never
//! the next reservation's, although client and port are the same.
//!
//! The runtime has one thread, which does nothing between the steps of a test. So what connects
//! waits in the kernel until the mux looks.

mod support;

use std::convert::Infallible;
use std::net::TcpStream;
use std::time::Duration;

use mux_core::Mux;
use mux_core::mux::Verifier;
use socket2::{Domain, SockRef, Socket, Type};
use support::*;

/// Connects without giving the mux a chance to accept.
fn connect_at_once(n: u16, port: u16) -> TcpStream {
    try_at_once(n, port).unwrap()
}

fn try_at_once(n: u16, port: u16) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::new(client(n), 0).into())?;
    socket.connect(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    Ok(socket.into())
}

fn narrow() -> Mux {
    mux(1, |mux| mux.wait(Duration::ZERO))
}

/// Checks that a reservation of the client gets the connection that is made now.
async fn the_next_gets_its_own(mux: &Mux) {
    let mut next = mux.reserve(client(1)).await.unwrap();
    let rightful = connect_at_once(1, next.port());
    let here = within(next.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), rightful.local_addr().unwrap());
}

#[tokio::test]
async fn of_a_session_that_ended() {
    let mux = narrow();
    let over = mux.reserve(client(1)).await.unwrap();
    let left = connect_at_once(1, over.port());
    drop(over);
    the_next_gets_its_own(&mux).await;
    left.set_nonblocking(true).unwrap();
    assert_closed(tokio::net::TcpStream::from_std(left).unwrap()).await;
}

#[tokio::test]
async fn of_a_client_that_has_gone() {
    let mux = narrow();
    let over = mux.reserve(client(1)).await.unwrap();
    let gone = connect_at_once(1, over.port());
    SockRef::from(&gone).set_linger(Some(Duration::ZERO)).unwrap();
    drop(gone);
    drop(over);
    the_next_gets_its_own(&mux).await;
}

/// Approves of every connection that says something.
fn any() -> Verifier<tokio::net::TcpStream> {
    Verifier::new(|stream| async { Ok::<_, Infallible>(stream) })
}

#[tokio::test]
async fn of_a_session_that_verifies() {
    let mux = narrow();
    let over = mux.reserve_verified(client(1), any()).await.unwrap();
    let left: Vec<_> = (0..3).map(|_| connect_at_once(1, over.port())).collect();
    drop(over);
    the_next_gets_its_own(&mux).await;
    drop(left);
}

/// Others' connections that wait on the same port are not harmed: they are delivered.
#[tokio::test]
async fn and_those_of_others_are_delivered() {
    let mux = narrow();
    let over = mux.reserve(client(1)).await.unwrap();
    let mut other = mux.reserve(client(2)).await.unwrap();
    let left = connect_at_once(1, over.port());
    let others = connect_at_once(2, other.port());
    drop(over);
    assert_eq!(mux.stats().pending, 0, "all that waited was dealt with");
    the_next_gets_its_own(&mux).await;
    let here = within(other.accept()).await.unwrap();
    assert_eq!(here.peer_addr().unwrap(), others.local_addr().unwrap());
    drop(left);
}

/// Also where the session ends on a thread without a runtime, and after the runtime has ended.
#[test]
fn wherever_the_session_ends() {
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let runtime = build();
    let mux = runtime.block_on(async { narrow() });
    let over = runtime.block_on(mux.reserve(client(1))).unwrap();
    let left = connect_at_once(1, over.port());
    std::thread::spawn(move || drop(over)).join().unwrap();
    runtime.block_on(the_next_gets_its_own(&mux));

    let late = runtime.block_on(mux.reserve(client(1))).unwrap();
    let last = connect_at_once(1, late.port());
    drop(runtime);
    drop(late);
    drop((mux, left, last));
}

/// Connections that come while sessions end and accept what waits on their port. Whether one has
/// come can be asked on Linux alone.
#[cfg(target_os = "linux")]
mod meanwhile {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    /// Waits until the connection stands in the listener's queue: before, the listener's side does not
    /// acknowledge what is sent.
    fn until_it_arrived(mut connection: &TcpStream) {
        connection.write_all(b"x").unwrap();
        let mut unacknowledged = 1;
        while unacknowledged > 0 {
            // SAFETY: the descriptor is open, and the request writes one number, to where there is one.
            let result =
                unsafe { libc::ioctl(connection.as_raw_fd(), libc::TIOCOUTQ, &mut unacknowledged) };
            assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        }
    }

    /// A session that ends accepts what waits on its port, at the same time as the accept path. The
    /// first of a client's two connections is its own all the same, and the second is turned away.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn they_are_delivered_in_their_order() {
        let mux = narrow();
        let stop = Arc::new(AtomicBool::new(false));
        let ending: Vec<_> = (2..6)
            .map(|n| {
                let (mux, stop) = (mux.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    while !stop.load(Relaxed) {
                        drop(mux.reserve(client(n)).await.unwrap());
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for round in 0..2_000 {
            let mut reservation = within(mux.reserve(client(1))).await.unwrap();
            let port = reservation.port();
            let first = connect_at_once(1, port);
            // A client's end is connected before the listener's is: only now is it the first there.
            until_it_arrived(&first);
            // It may be reset before it knows that it is connected.
            let second = try_at_once(1, port);
            let here = within(reservation.accept()).await.unwrap();
            assert_eq!(here.peer_addr().unwrap(), first.local_addr().unwrap(), "round {round}");
            SockRef::from(&first).set_linger(Some(Duration::ZERO)).unwrap();
            // Only then is nothing left that the next reservation could get.
            if let Ok(second) = second {
                second.set_nonblocking(true).unwrap();
                assert_closed(tokio::net::TcpStream::from_std(second).unwrap()).await;
            }
        }
        stop.store(true, Relaxed);
        for session in ending {
            within(session).await.unwrap();
        }
    }
}
