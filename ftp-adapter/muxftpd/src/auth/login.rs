//! Deciding who may log in.

use crate::auth::account::Account;
use crate::auth::anonymous;
use crate::auth::password::Password;
use crate::auth::throttle::Throttle;
use crate::auth::users::CurrentUsers;
use crate::observe::events::LoginRefused;
use crate::observe::journal::Journal;
use mux_core::Client;
use std::str;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long the reply to a refused login takes.
const DELAY: Duration = Duration::from_secs(1);

/// Lets in the users of the users file, and anonymous clients where that is wanted. All sessions
/// share it.
#[derive(Debug)]
pub struct Login {
    users: Arc<CurrentUsers>,
    anonymous: bool,
    /// Hashing takes a processor each, and some of them much memory.
    hashing: Arc<Semaphore>,
    throttle: Throttle,
    journal: Journal,
}

impl Login {
    pub fn new(
        users: Arc<CurrentUsers>,
        anonymous: bool,
        throttle: Throttle,
        journal: Journal,
    ) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        let hashing = Arc::new(Semaphore::new(processors));
        Self { users, anonymous, hashing, throttle, journal }
    }

    /// Whether anonymous clients are let in: those whose name [`anonymous::is_name`] knows, with
    /// any password.
    pub fn lets_anonymous_in(&self) -> bool {
        self.anonymous
    }

    /// The account of this user, if the password is right and nothing else is in the way. Logs
    /// and counts what it decides.
    ///
    /// # Errors
    ///
    /// When the user is not let in, after a second, and without a look at the password when there
    /// were too many wrong ones.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has decided, the login counts as a wrong one.
    pub async fn login(
        &self,
        client: Client,
        user: &[u8],
        password: &[u8],
    ) -> Result<Account, LoginRefused> {
        let decided = self.decide(client, user, password).await;
        self.journal.login(client, user, decided.as_ref().map(drop).map_err(|why| *why));
        if decided.is_err() {
            sleep(DELAY).await;
        }
        decided
    }

    async fn decide(
        &self,
        client: Client,
        user: &[u8],
        password: &[u8],
    ) -> Result<Account, LoginRefused> {
        if self.anonymous && anonymous::is_name(user) {
            return Ok(Account::anonymous());
        }
        let begun = self.throttle.begin(client.into(), user).await;
        let attempt = begun.map_err(|_refused| LoginRefused::TooManyFailures)?;
        let account = self.account(client, user, password).await?;
        attempt.succeeded();
        Ok(account)
    }

    async fn account(
        &self,
        client: Client,
        name: &[u8],
        given: &[u8],
    ) -> Result<Account, LoginRefused> {
        let users = self.users.get();
        let user = str::from_utf8(name).ok().and_then(|name| users.get(name));
        let is_right = match user.map(|user| &user.password).or(users.decoy()) {
            Some(password) => self.is_right(password, given).await,
            None => false,
        };
        match user {
            None => Err(LoginRefused::UnknownUser),
            Some(_) if !is_right => Err(LoginRefused::WrongPassword),
            Some(user) if !user.may_come_from(client.ip()) => Err(LoginRefused::Address),
            Some(user) if !user.enabled => Err(LoginRefused::Disabled),
            Some(user) => Ok(user.into()),
        }
    }

    async fn is_right(&self, password: &Password, given: &[u8]) -> bool {
        if !password.is_hashed() {
            return password.is(given);
        }
        let Ok(turn) = Arc::clone(&self.hashing).acquire_owned().await else { return false };
        let (password, given) = (password.clone(), given.to_owned());
        let hashing = spawn_blocking(move || {
            // The turn lasts as long as the work does, also when the session is gone.
            let _turn = turn;
            password.is(&given)
        });
        hashing.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::throttle::LoginLimits;
    use crate::auth::users::Users;
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;

    fn login(users: &str, anonymous: bool) -> Login {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), users).unwrap();
        let throttle = Throttle::new(LoginLimits { failures: None, window: DELAY });
        let users = Users::read(file.path()).unwrap();
        Login::new(Arc::new(users.into()), anonymous, throttle, Journal::default())
    }

    fn here() -> Client {
        IpAddr::from(Ipv4Addr::LOCALHOST).into()
    }

    const USERS: &str = r#"[
        {"username": "alice", "password": "wonderland", "root": "a", "writable": true},
        {"username": "bob", "password": "b", "allowed_ip_ranges": ["10.0.0.0/8"]},
        {"username": "carol", "password": "c", "account_enabled": false}
    ]"#;

    #[tokio::test(start_paused = true)]
    async fn the_right_password_from_the_right_address_lets_in() {
        let login = login(USERS, false);
        let alice = login.login(here(), b"alice", b"wonderland").await.unwrap();
        assert_eq!((alice.name(), alice.home()), ("alice", Some(Path::new("a"))));
        assert!(alice.is_writable(false));
        for (name, password, why) in [
            ("alice", "looking-glass", LoginRefused::WrongPassword),
            ("alice", "", LoginRefused::WrongPassword),
            ("Alice", "wonderland", LoginRefused::UnknownUser),
            ("bob", "b", LoginRefused::Address), // comes from 127.0.0.1
            ("carol", "c", LoginRefused::Disabled),
            ("dave", "d", LoginRefused::UnknownUser),
            ("anonymous", "guest", LoginRefused::UnknownUser),
        ] {
            let refused = login.login(here(), name.as_bytes(), password.as_bytes()).await;
            assert_eq!(refused.unwrap_err(), why, "{name}");
        }
        assert!(login.login(here(), b"alice\xff", b"wonderland").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn anonymous_clients_are_let_in_where_that_is_wanted() {
        let login = login(USERS, true);
        for name in ["anonymous", "FTP"] {
            let account = login.login(here(), name.as_bytes(), b"guest@example.org").await;
            assert_eq!(account.unwrap(), Account::anonymous());
        }
    }

    /// Else clients that come and go would have more passwords hashed at a time than there are
    /// processors, with the memory that this takes.
    #[tokio::test]
    async fn a_password_that_is_being_hashed_keeps_its_turn_when_the_session_goes() {
        let hash = crate::auth::password::hash("a").unwrap();
        let users = format!(r#"[{{"username": "alice", "password_hash": "{hash}"}}]"#);
        let login = login(&users, false);
        let all = login.hashing.available_permits();
        {
            let mut attempt = std::pin::pin!(login.login(here(), b"alice", b"b"));
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(attempt.as_mut().poll(context))
            });
            assert!(polled.await.is_pending());
        }
        assert_eq!(login.hashing.available_permits(), all - 1);
        assert!(login.login(here(), b"alice", b"a").await.is_ok());
    }
}
