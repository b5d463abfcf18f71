//! The served directory.

pub mod blocking;
pub mod download;
pub mod listing;
pub mod served;
pub mod upload;
