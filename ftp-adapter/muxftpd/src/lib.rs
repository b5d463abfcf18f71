//! `muxftpd`: an FTP server that shares a few passive ports among many clients.
//!
//! The library is what the program is made of, for its tests and fuzz targets. It promises no
//! stable interface.

#![allow(missing_docs, reason = "made for the program, its tests and fuzz targets")]

pub mod allocator;
pub mod auth;
pub mod check;
pub mod config;
pub mod limits;
pub mod listen;
pub mod observe;
pub mod origin;
pub mod program;
pub mod server;
pub mod session;
pub mod setup;
pub mod signals;
pub mod storage;
pub mod tls;
pub mod warnings;
