//! Who is logged in, and what that lets them do.

use crate::auth::anonymous;
use crate::auth::users::User;
use std::fmt;
use std::path::{Path, PathBuf};

/// Who is logged in. It stays as it was at the login, whatever becomes of the users file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    name: String,
    home: Option<PathBuf>,
    writable: Option<bool>,
}

impl Account {
    /// What every anonymous client is.
    pub fn anonymous() -> Self {
        Self { name: anonymous::NAME.to_owned(), home: None, writable: None }
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory below the served one that is this user's root, if not the served one itself.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Whether the user may change anything, where `default` holds for users of whom the users
    /// file does not say.
    pub fn is_writable(&self, default: bool) -> bool {
        self.writable.unwrap_or(default)
    }
}

impl From<&User> for Account {
    fn from(user: &User) -> Self {
        Self { name: user.name.clone(), home: user.home.clone(), writable: user.writable }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
