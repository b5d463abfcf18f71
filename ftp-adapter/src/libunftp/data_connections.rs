//! libunftp's data connections, found among the descriptors of this process.
//!
//! libunftp accepts them itself and tells nobody of them. But Linux hands the options of a
//! listening socket on to what is accepted from it. So each lent listener is given two timeouts
//! that nobody else would choose: they mean nothing to a socket that does not block, and here they
//! say whose a connection is, as long as anybody holds it.

use super::tcp_info::{self, TcpInfo};
use mux_core::{Client, ClientPrefix};
use nix::sys::resource::{Resource, getrlimit};
use socket2::SockRef;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How many bits of seconds name a session or a client, so that the kernel keeps them exactly. It
/// counts time in thousandths of a second at most, in its own word.
const BITS: u32 = if cfg!(target_pointer_width = "64") { 48 } else { 20 };
const FIRST: u64 = 1 << BITS;

/// For transfers that are under way, descriptors are not looked through more often.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A connection that was not used yet may be that of a transfer that begins, for so long.
const MAY_BEGIN: Duration = Duration::from_secs(5);

/// All data connections of one session, or of all sessions of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A session, as [`Tag::new`] has numbered it.
    Session(u64),
    /// The hash of a client's address, or of the network of an IPv6 address: a host that has one of
    /// those addresses has them all.
    Client(u64),
}

/// Whose a data connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) session: Owner,
    pub(super) client: Owner,
}

impl Tag {
    /// The tag of a new session of `client`.
    pub(super) fn new(client: Client) -> Self {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let prefix = const {
            match ClientPrefix::new(32, 64) {
                Ok(prefix) => prefix,
                Err(_) => panic!("these are prefixes"),
            }
        };
        let session = SESSIONS.fetch_add(1, Relaxed) % FIRST;
        let client = HASHER.hash_one(prefix.key(client)) % FIRST;
        Self { session: Owner::Session(session), client: Owner::Client(client) }
    }

    /// Tags what will be accepted from `listener`.
    pub(super) fn put_on(self, listener: &TcpListener) -> io::Result<()> {
        let (Owner::Session(session), Owner::Client(client)) = (self.session, self.client) else {
            unreachable!("a tag names a session and a client");
        };
        let socket = SockRef::from(listener);
        socket.set_read_timeout(Some(Duration::from_secs(FIRST + session)))?;
        socket.set_write_timeout(Some(Duration::from_secs(FIRST + client)))
    }

    fn of(socket: RawFd) -> Option<Self> {
        let named = |option| {
            // The whole seconds come first.
            let seconds = tcp_info::option(socket, libc::SOL_SOCKET, option).ok()?;
            let seconds = u64::try_from(libc::time_t::from_ne_bytes(seconds)).ok()?;
            seconds.checked_sub(FIRST).filter(|named| *named < FIRST)
        };
        let session = Owner::Session(named(libc::SO_RCVTIMEO)?);
        let client = Owner::Client(named(libc::SO_SNDTIMEO)?);
        Some(Self { session, client })
    }
}

/// A data connection that libunftp holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataConnection {
    pub(super) tag: Tag,
    socket: RawFd,
    /// How long nothing was read from it, or written to it and arrived; `None` if something was.
    pub(super) unused_for: Option<Duration>,
}

impl DataConnection {
    fn of(socket: RawFd) -> Option<Self> {
        let tag = Tag::of(socket)?;
        let info = TcpInfo::of(socket).ok()?;
        if info.listens {
            return None;
        }
        // The client's end may be one of the bytes that came.
        let read = info.bytes_received.saturating_sub(tcp_info::unread(socket).ok()?);
        let unused_for = (info.bytes_acked == 0 && read <= 1).then_some(info.sent_nothing_for);
        Some(Self { tag, socket, unused_for })
    }

    fn is_in_use(&self) -> bool {
        self.unused_for.is_none_or(|unused| unused < MAY_BEGIN)
    }
}

/// All data connections, as they were at `since` or later. All sessions share a look.
pub(super) fn all(since: Instant) -> Arc<[DataConnection]> {
    static LAST: Mutex<Option<(Instant, Arc<[DataConnection]>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    match &*last {
        Some((at, found)) if *at >= since => Arc::clone(found),
        _ => {
            let at = Instant::now();
            let found: Arc<_> = (0..table_size()).filter_map(DataConnection::of).collect();
            *last = Some((at, Arc::clone(&found)));
            found
        }
    }
}

/// Whether a transfer of a session is under way, or was [`LOOK_EVERY`] ago.
pub(super) fn in_use(session: Owner) -> bool {
    let now = Instant::now();
    let found = all(now.checked_sub(LOOK_EVERY).unwrap_or(now));
    found.iter().any(|found| found.tag.session == session && found.is_in_use())
}

/// Waits until no transfer of a session is under way.
pub(super) async fn out_of_use(session: Owner) {
    loop {
        // First, so that what is looked at is no older than this call.
        sleep(LOOK_EVERY).await;
        if !in_use(session) {
            return;
        }
    }
}

/// Ends the data connections that a session had at `since`.
pub(super) fn end(session: Owner, since: Instant) {
    for found in all(since).iter().filter(|found| found.tag.session == session) {
        // SAFETY: any number may be duplicated, and a closed one gives an error.
        let own = unsafe { libc::fcntl(found.socket, libc::F_DUPFD_CLOEXEC, 0) };
        if own < 0 {
            continue;
        }
        // SAFETY: the duplicate was just made, and is ours.
        let own = unsafe { OwnedFd::from_raw_fd(own) };
        // The number may be somebody else's by now.
        if Tag::of(own.as_raw_fd()) == Some(found.tag) {
            let _ = SockRef::from(&own).shutdown(Shutdown::Both);
        }
    }
}

/// No descriptor of this process has a number as high as this.
fn table_size() -> RawFd {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
    let size = size.and_then(|size| size.trim().parse().ok());
    size.unwrap_or_else(|| RawFd::try_from(descriptors()).unwrap_or(RawFd::MAX))
}

/// How many descriptors this process may have.
pub(super) fn descriptors() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _hard)| soft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{IpAddr, TcpStream};

    fn listener(tag: Tag) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        tag.put_on(&listener).unwrap();
        listener
    }

    fn connected(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn of_session(tag: Tag) -> Vec<DataConnection> {
        all(Instant::now()).iter().copied().filter(|found| found.tag == tag).collect()
    }

    #[test]
    fn what_is_accepted_is_found_until_it_is_closed() {
        let tag = Tag::new(IpAddr::from([127, 0, 0, 1]).into());
        let listener = listener(tag);
        assert_eq!(of_session(tag).len(), 0, "a listener is no connection");
        let (one, two) = (connected(&listener), connected(&listener));
        assert_eq!(of_session(tag).len(), 2);
        // Also one that its client has reset.
        SockRef::from(&one.0).set_linger(Some(Duration::ZERO)).unwrap();
        drop(one.0);
        assert_eq!(of_session(tag).len(), 2);
        drop(one.1);
        assert_eq!(of_session(tag).len(), 1);
        drop(two);
        assert_eq!(of_session(tag).len(), 0);
    }

    #[test]
    fn sessions_of_a_client_and_clients_of_a_network_are_told_apart() {
        let tag = |address: &str| Tag::new(address.parse::<IpAddr>().unwrap().into());
        let (one, two) = (tag("192.0.2.1"), tag("192.0.2.1"));
        assert_ne!(one.session, two.session);
        assert_eq!(one.client, two.client);
        assert_ne!(one.client, tag("192.0.2.2").client);
        assert_eq!(tag("2001:db8::1").client, tag("2001:db8::2").client);
        assert_ne!(tag("2001:db8::1").client, tag("2001:db8:0:1::1").client);
    }

    #[test]
    fn one_is_unused_until_something_is_read_or_written() {
        let tag = Tag::new(IpAddr::from([127, 0, 0, 1]).into());
        let listener = listener(tag);
        let is_unused = || of_session(tag)[0].unused_for.is_some();

        let (mut near, far) = connected(&listener);
        assert!(is_unused());
        // What the client sends is not read yet, nor its end.
        near.write_all(b"early").unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        assert!(is_unused());
        io::copy(&mut &far, &mut io::sink()).unwrap();
        assert!(!is_unused());
        drop((near, far));

        let (_near, mut far) = connected(&listener);
        assert!(is_unused());
        far.write_all(b"late").unwrap();
        assert!(!is_unused());
    }
}
