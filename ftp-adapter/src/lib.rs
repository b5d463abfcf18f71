//! FTP passive mode on shared ports, for any FTP server on tokio.
//!
//! A [`PassiveSession`] for each control connection holds the rules of `PASV` and `EPSV`. Each
//! command is one call, and answers with the [`Reply`] to send:
//!
//! ```
//! use ftp_adapter::{Passive, Reply};
//! use mux_core::Mux;
//! # use tokio::io::AsyncWriteExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let client = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
//! # let mut control = listener.accept().await?.0;
//! // Once: nine passive ports, which any number of clients share.
//! let mux = Mux::builder("27192-27200".parse()?).addresses([control.local_addr()?.ip()]).bind()?;
//! let passive = Passive::new(mux);
//!
//! // For each control connection:
//! let mut session = passive.session(control.peer_addr()?, control.local_addr()?);
//!
//! // When it says PASV (or EPSV: `session.epsv(argument)`):
//! let reply = session.pasv().await;
//! control.write_all(reply.line().as_bytes()).await?;
//!
//! # let Reply::Passive(address) = reply else { panic!("{reply}") };
//! # let there = tokio::net::TcpStream::connect(address).await?;
//! // When it says LIST, RETR or STOR, after the 150:
//! match session.data_connection().await {
//!     Ok(mut data) => data.write_all(b"the file").await?,
//!     Err(reply) => control.write_all(reply.line().as_bytes()).await?,
//! }
//! # let mut text = String::new();
//! # tokio::io::AsyncReadExt::read_to_string(&mut { there }, &mut text).await?;
//! # assert_eq!(text, "the file");
//! # Ok(()) }
//! ```
//!
//! - [`Passive`] is what sessions share. [`Advertised`] is the address that `PASV` replies name
//!   behind NAT, [`PassiveHost`] the same as text for a configuration, and [`PortMap`] the ports
//!   that replies name where a NAT forwards other ports.
//! - [`PassiveSession::active_mode`] is for `PORT` and `EPRT`,
//!   [`PassiveSession::end_reservation`] for `ABOR`.
//! - [`ControlListener`] accepts control connections, also when the process was out of descriptors.
//! - Who shares what, how long and how many may wait: that is set on the
//!   [multiplexer](mux_core::mux::Builder).
//!
//! `examples/passive_session.rs` is a server made this way, in a page.
//!
//! # Servers on libunftp
//!
//! The feature `libunftp` wires the multiplexer into [libunftp](https://docs.rs/libunftp) 0.24. A
//! whole server: anonymous, serving a directory, with nine passive ports.
//!
#![cfg_attr(feature = "libunftp", doc = "```no_run")]
#![cfg_attr(not(feature = "libunftp"), doc = "```ignore")]
//! use ftp_adapter::{CancellationToken, MuxServer};
//! use libunftp::ServerBuilder;
//! use mux_core::{Mux, PortSet};
//! use std::net::{IpAddr, Ipv4Addr};
//! use tokio::net::TcpListener;
//! use unftp_sbe_fs::Filesystem;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
//! let control = TcpListener::bind((address, 21)).await?;
//!
//! // The passive ports, on the address of the control listener and nowhere else.
//! let ports: PortSet = "8192-8200".parse()?;
//! let mux = Mux::builder(ports).addresses([address]).steering(true).bind()?;
//!
//! let server = MuxServer::new(mux, || {
//!     let storage = || Filesystem::new("/srv/ftp").expect("the served directory");
//!     ServerBuilder::new(Box::new(storage)).greeting("Welcome")
//! })?;
//! let shutdown = CancellationToken::new(); // cancel it to drain
//! server.serve([control], shutdown).await;
//! # Ok(()) }
//! ```
//!
//! - [`MuxServer`] accepts the control connections and serves each with a libunftp of its own.
//!   To run the accept loop yourself, use [`MuxBinder`] alone.
//! - `examples/libunftp_server.rs` is a program made this way, in a page.
//!
//! libunftp accepts data connections itself, on a listening socket that only its session's
//! client reaches: the mux must be built with steering, which needs Linux. The kernel steers by
//! the address that packets come from. So clients must reach the server themselves, and not
//! through a proxy, whatever PROXY headers it sends.
//!
//! ## What the wiring adds
//!
//! libunftp serves well-behaved clients. A client that is served through [`MuxServer`] also
//!
//! - logs in in time, ends each command, and is not silent for ever;
//! - is told of a shutdown, after its transfer;
//! - is refused ports once it has left too many data connections unused ([`MuxBinder`] alone does
//!   this as well): libunftp keeps the descriptor of each for 300 s, also after `QUIT`;
//! - is noticed when it vanishes: control and data connections have keep-alive.
//!
//! ## What libunftp itself does
//!
//! Some behaviour is libunftp's, and a wiring cannot change it:
//!
//! - `PASV` on an IPv6 control connection ends that session without a reply. IPv6 clients must
//!   use `EPSV`, as all common ones do by themselves. Keep IPv4 clients on IPv4 listeners (make
//!   IPv6 listeners IPv6-only), or they run into this too.
//! - A refused `PASV` or `EPSV` is answered `425 No data connection established`.
//! - A transfer command that nobody connects for is answered 150, but no final reply follows.
//!   The same goes for a data connection that is reset before its command.
//! - A client has at most 15 s to connect after the reply, however long a reservation lives.
//! - `EPSV ALL` and the arguments of `EPSV` are ignored.
//! - While a transfer runs, commands such as `PASV` wait until it is over. A transfer goes on when
//!   its session has ended.
//! - [`Server::service`](::libunftp::Server::service) knows neither shutdown nor the failed
//!   logins of other sessions. [`MuxServer`] supplies the shutdown. To lock out those who guess
//!   passwords, let the `Authenticator`, which all sessions share, keep count: libunftp's own
//!   `failed_logins_policy` starts afresh with each session.
//! - There may be any number of sessions.
//! - With [`ServerBuilder::ftps`](::libunftp::ServerBuilder::ftps) the certificates are read for
//!   each session; [`ftps_manual`](::libunftp::ServerBuilder::ftps_manual) takes a configuration
//!   that sessions share. Where TLS is required of data connections, `EPSV` is let through without
//!   `PROT P`.
//! - A failed TLS handshake on a data connection is a panic in libunftp's task for it. The session
//!   goes on, but gets no reply to that transfer.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `libunftp`: the wiring into libunftp.

#![cfg_attr(
    not(feature = "libunftp"),
    allow(rustdoc::broken_intra_doc_links, reason = "the section on libunftp links to it")
)]

mod control;
#[cfg(feature = "libunftp")]
mod libunftp;
mod passive;

pub use self::control::ControlListener;
#[cfg(feature = "libunftp")]
pub use self::libunftp::{LeaseGuard, MuxBinder, MuxServer};
pub use self::passive::{
    Advertised, HostRule, HostScope, NotMapped, Passive, PassiveHost, PassiveHostError,
    PassiveSession, PortMap, PortMapError, Reply, ResolveError, ResolverError, SessionAddresses,
};
/// What [`MuxServer::serve`] is shut down with.
#[cfg(feature = "libunftp")]
pub use tokio_util::sync::CancellationToken;
