//! The logins and accounts as libunftp asks for them.

use crate::auth::account::Account;
use crate::auth::anonymous;
use crate::auth::login::{Login, LoginRefused};
use crate::auth::users::CurrentUsers;
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use unftp_core::auth::{
    AuthenticationError, Authenticator, Credentials, Principal, UserDetail, UserDetailError,
    UserDetailProvider,
};

impl UserDetail for Account {
    fn home(&self) -> Option<&Path> {
        self.home()
    }
}

/// Finds the account of who has logged in.
#[derive(Debug, Clone)]
pub struct Accounts(pub(crate) Arc<CurrentUsers>);

#[async_trait]
impl UserDetailProvider for Accounts {
    type User = Account;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<Account, UserDetailError> {
        match self.0.get().get(&principal.username) {
            Some(user) => Ok(user.into()),
            None if anonymous::is_name(&principal.username) => Ok(Account::anonymous()),
            None => Err(UserDetailError::UserNotFound { username: principal.username.clone() }),
        }
    }
}

#[async_trait]
impl Authenticator for Login {
    async fn authenticate(
        &self,
        name: &str,
        given: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let password = given.password.as_deref().unwrap_or_default();
        let login = self.login(given.source_ip.into(), name.as_bytes(), password.as_bytes());
        match login.await {
            Ok(account) => Ok(Principal { username: account.name().to_owned() }),
            Err(LoginRefused::UnknownUser) => Err(AuthenticationError::BadUser),
            Err(LoginRefused::WrongPassword) => Err(AuthenticationError::BadPassword),
            Err(LoginRefused::Address) => Err(AuthenticationError::IpDisallowed),
            Err(other) => Err(AuthenticationError::new(other.to_string())),
        }
    }
}
