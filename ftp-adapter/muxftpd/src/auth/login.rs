//! Deciding who may log in.

use crate::auth::anonymous;
use crate::auth::password::Password;
use crate::auth::throttle::Throttle;
use crate::auth::users::CurrentUsers;
use crate::observe::numbers::{LoginResult, Numbers};
use async_trait::async_trait;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{debug, info};
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal};

/// How long the reply to a wrong login takes.
const DELAY: Duration = Duration::from_secs(1);

/// Lets in the users of the users file, and anonymous clients where that is wanted.
#[derive(Debug)]
pub struct Login {
    users: Arc<CurrentUsers>,
    anonymous: bool,
    /// Hashing takes a processor each, and some of them much memory.
    hashing: Semaphore,
    throttle: Throttle,
    numbers: Arc<Numbers>,
}

impl Login {
    pub fn new(
        users: Arc<CurrentUsers>,
        anonymous: bool,
        throttle: Throttle,
        numbers: Arc<Numbers>,
    ) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { users, anonymous, hashing: Semaphore::new(processors), throttle, numbers }
    }

    /// The name of the user of that name and password, if it may come from there.
    async fn user(&self, name: &str, given: &Credentials) -> Result<String, AuthenticationError> {
        let users = self.users.get();
        let user = users.get(name);
        let password = user.map(|user| &user.password).or(users.decoy());
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
            Some(user) => Ok(user.name.clone()),
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
            self.numbers.login(LoginResult::Succeeded);
            return Ok(Principal { username: anonymous::NAME.to_owned() });
        }
        let client = given.source_ip.to_canonical();
        let attempt = match self.throttle.begin(Instant::now(), client, name) {
            Ok(attempt) => attempt,
            Err(refused) => {
                self.numbers.login(LoginResult::Throttled);
                debug!(target: "muxftpd", %client, user = name, ?refused, "login refused unseen");
                sleep(DELAY).await;
                return Err(AuthenticationError::new("too many wrong logins"));
            }
        };
        match self.user(name, given).await {
            Ok(username) => {
                self.throttle.succeeded(Instant::now(), &attempt);
                self.numbers.login(LoginResult::Succeeded);
                Ok(Principal { username })
            }
            Err(error) => {
                self.numbers.login(LoginResult::Failed);
                info!(target: "muxftpd", %client, user = name, %error, "login failed");
                sleep(DELAY).await;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::throttle::Limits;
    use crate::auth::users::Users;

    fn login(users: &str, anonymous: bool) -> Login {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), users).unwrap();
        let throttle = Throttle::new(Limits { failures: None, window: DELAY });
        Login::new(
            Arc::new(Users::read(file.path()).unwrap().into()),
            anonymous,
            throttle,
            Arc::default(),
        )
    }

    const USERS: &str = r#"[
        {"username": "alice", "password": "wonderland"},
        {"username": "bob", "password": "b", "allowed_ip_ranges": ["10.0.0.0/8"]},
        {"username": "carol", "password": "c", "account_enabled": false}
    ]"#;

    #[tokio::test(start_paused = true)]
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

    #[tokio::test(start_paused = true)]
    async fn anonymous_clients_are_let_in_where_that_is_wanted() {
        let login = login(USERS, true);
        for name in ["anonymous", "FTP"] {
            let principal = login.authenticate(name, &"guest@example.org".into()).await.unwrap();
            assert_eq!(principal.username, "anonymous");
        }
    }
}
