//! A control connection, its commands and its transfers.

pub mod transfer;
