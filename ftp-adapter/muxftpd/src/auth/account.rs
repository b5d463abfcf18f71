//! Who is logged in, and what that lets them do.

use crate::auth::anonymous;
use crate::auth::users::CurrentUsers;
use async_trait::async_trait;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unftp_core::auth::{Principal, UserDetail, UserDetailError, UserDetailProvider};

/// Who is logged in.
#[derive(Debug, Clone)]
pub struct Account {
    name: String,
    home: Option<PathBuf>,
    writable: Option<bool>,
}

impl Account {
    /// Whether changes are let through, where `usual` is what the server does.
    pub fn is_writable(&self, usual: bool) -> bool {
        self.writable.unwrap_or(usual)
    }
}

impl UserDetail for Account {
    fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Finds the account of who has logged in.
#[derive(Debug, Clone)]
pub struct Accounts(pub(crate) Arc<CurrentUsers>);

#[async_trait]
impl UserDetailProvider for Accounts {
    type User = Account;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<Account, UserDetailError> {
        let name = principal.username.clone();
        match self.0.get().get(&name) {
            Some(user) => Ok(Account { name, home: user.home.clone(), writable: user.writable }),
            None if anonymous::is_name(&name) => Ok(Account { name, home: None, writable: None }),
            None => Err(UserDetailError::UserNotFound { username: name }),
        }
    }
}
