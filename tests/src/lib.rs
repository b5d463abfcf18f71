//! The harness of the end-to-end tests: it starts a private server per test, speaks FTP to it from
//! any loopback address, and looks at the process from outside.
//!
//! Linux only, because it reads `/proc`. What goes wrong is a panic that names what was expected:
//! this crate exists for tests alone.

pub mod address;
pub mod certificate;
pub mod client;
pub mod crowd;
pub mod data;
pub mod files;
pub mod guard;
pub mod holding;
pub mod launch;
pub mod namespace;
pub mod passive_ports;
mod permit;
pub mod process;
pub mod program;
pub mod reply;
pub mod server;
pub mod sockets;
pub mod tools;
pub mod way;

pub use client::{Client, Passive};
pub use crowd::crowd;
pub use data::{Data, Ending};
pub use holding::Holding;
pub use launch::Launch;
pub use not_checked::{machine, needs};
pub use passive_ports::Ports;
pub use program::Program;
pub use reply::Reply;
pub use server::Server;
pub use way::{Endpoint, Security, Way};

/// The code in the document on integrating compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/integrating.md")]
mod integrating {}
