//! The served directory.
//!
//! [`root::Storage`] is what a session can reach of it, [`path::FtpPath`] how its client names
//! what is there. [`list`] makes listings, in lines like those of `ls -l` and with [`facts`].

#[cfg(target_os = "linux")]
mod cached;
pub mod changes;
mod decimal;
pub mod facts;
pub mod list;
mod long;
pub mod metadata;
mod names;
pub mod path;
pub mod root;
pub mod time_value;
pub mod wildcard;
pub mod write;

pub use facts::Facts;
pub use list::{Format, Listing, behind_options};
pub use metadata::Metadata;
pub use path::FtpPath;
pub use root::{OpenError, Storage};
pub use write::{Upload, WriteFrom};

#[cfg(test)]
mod tests;
