//! Deciding who may log in.

use crate::anonymous;
use crate::password::Password;
use crate::users::{User, Users};
use async_trait::async_trait;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal};

/// Lets in the users of the users file, and anonymous clients where that is wanted.
#[derive(Debug)]
pub(crate) struct Login {
    users: Arc<Users>,
    anonymous: bool,
    /// Checked in place of the password of somebody who is not there, so that the time that it
    /// takes does not tell names.
    decoy: Option<Password>,
    /// Hashing takes a processor each, and some of them much memory.
    hashing: Semaphore,
}

impl Login {
    pub(crate) fn new(users: Arc<Users>, anonymous: bool) -> Self {
        let decoy = users.iter().map(|user| &user.password).find(|password| password.is_hashed());
        let processors = available_parallelism().map_or(1, usize::from);
        Self { decoy: decoy.cloned(), users, anonymous, hashing: Semaphore::new(processors) }
    }

    /// The user of that name and password who may come from there.
    async fn user(&self, name: &str, given: &Credentials) -> Result<&User, AuthenticationError> {
        let user = self.users.get(name);
        let password = user.map(|user| &user.password).or(self.decoy.as_ref());
        let is_right = match (password, &given.password) {
            (Some(password), Some(given)) => self.is_right(password, given).await,
            _ => false,
        };
        match user {
            None => Err(AuthenticationError::BadUser),
            Some(_) if !is_right => Err(AuthenticationError::BadPassword),
            Some(user) if !user.may_come_from(given.source_ip) => {
                Err(AuthenticationError::IpDisallowed)
            }
            Some(user) if !user.enabled => Err(AuthenticationError::new("the account is disabled")),
            Some(user) => Ok(user),
        }
    }

    async fn is_right(&self, password: &Password, given: &str) -> bool {
        if !password.is_hashed() {
            return password.is(given);
        }
        let Ok(_turn) = self.hashing.acquire().await else { return false };
        let (password, given) = (password.clone(), given.to_owned());
        spawn_blocking(move || password.is(&given)).await.unwrap_or(false)
    }
}

#[async_trait]
impl Authenticator for Login {
    async fn authenticate(
        &self,
        name: &str,
        given: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        if self.anonymous && anonymous::is_name(name) {
            return Ok(Principal { username: anonymous::NAME.to_owned() });
        }
        let user = self.user(name, given).await?;
        Ok(Principal { username: user.name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(users: &str, anonymous: bool) -> Login {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), users).unwrap();
        Login::new(Arc::new(Users::read(file.path()).unwrap()), anonymous)
    }

    const USERS: &str = r#"[
        {"username": "alice", "password": "wonderland"},
        {"username": "bob", "password": "b", "allowed_ip_ranges": ["10.0.0.0/8"]},
        {"username": "carol", "password": "c", "account_enabled": false}
    ]"#;

    #[tokio::test]
    async fn the_right_password_from_the_right_address_lets_in() {
        let login = login(USERS, false);
        let alice = login.authenticate("alice", &"wonderland".into()).await.unwrap();
        assert_eq!(alice.username, "alice");
        for (name, password) in [
            ("alice", "looking-glass"),
            ("alice", ""),
            ("Alice", "wonderland"),
            ("bob", "b"), // comes from 127.0.0.1
            ("carol", "c"),
            ("dave", "d"),
            ("anonymous", "guest"),
        ] {
            assert!(login.authenticate(name, &password.into()).await.is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn anonymous_clients_are_let_in_where_that_is_wanted() {
        let login = login(USERS, true);
        for name in ["anonymous", "FTP"] {
            let principal = login.authenticate(name, &"guest@example.org".into()).await.unwrap();
            assert_eq!(principal.username, "anonymous");
        }
    }
}
