//! Who may log in, and what they may do.

pub mod account;
pub mod anonymous;
pub mod login;
pub mod memory;
pub mod password;
pub mod secrets;
pub mod throttle;
pub mod users;
