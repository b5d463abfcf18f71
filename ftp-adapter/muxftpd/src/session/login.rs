//! Who the client is: `USER`, `PASS` and `REIN`.

use crate::auth::account::Account;
use crate::auth::anonymous;
use crate::observe::events::SessionEnd;
use crate::session::parameters::Parameters;
use crate::session::reply::Reply;
use crate::session::{Next, Session, Step, blocking};
use crate::storage::{FtpPath, Storage};
use std::io;
use std::time::{Duration, Instant};
use tracing::warn;

/// The last of so many wrong logins ends a session (RFC 2577, section 5).
const MAX_WRONG_LOGINS: u32 = 5;

/// Who the client is, and what it can reach.
#[derive(Debug)]
pub(super) struct Identity {
    /// What `USER` said, until `PASS`.
    name: Option<Vec<u8>>,
    user: Option<User>,
    wrong_logins: u32,
    timeout: Duration,
    deadline: Option<Instant>,
}

/// Who has logged in.
#[derive(Debug)]
struct User {
    account: Account,
    storage: Storage,
    /// The working directory.
    working: FtpPath,
}

impl Identity {
    /// Nobody yet; to be somebody within `timeout`.
    pub(super) fn new(timeout: Duration) -> Self {
        let deadline = Some(Instant::now() + timeout);
        Self { name: None, user: None, wrong_logins: 0, timeout, deadline }
    }

    /// When somebody must have logged in; `None` if somebody has.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn is_logged_in(&self) -> bool {
        self.user.is_some()
    }

    /// The name of who is logged in.
    pub(super) fn user_name(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.account.name())
    }

    pub(super) fn storage(&self) -> io::Result<&Storage> {
        let user = self.user.as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
        Ok(&user.storage)
    }

    /// What a path means in the working directory.
    pub(super) fn path(&self, argument: &[u8]) -> FtpPath {
        self.working().join(argument)
    }

    pub(super) fn working(&self) -> FtpPath {
        self.user.as_ref().map_or_else(FtpPath::root, |user| user.working.clone())
    }

    pub(super) fn set_working(&mut self, path: FtpPath) {
        if let Some(user) = &mut self.user {
            user.working = path;
        }
    }

    /// Nobody is logged in any more.
    pub(super) fn forget(&mut self) {
        self.name = None;
        if self.user.take().is_some() {
            self.deadline = Some(Instant::now() + self.timeout);
        }
    }

    fn set_user(&mut self, user: User) {
        self.user = Some(user);
        self.deadline = None;
    }
}

impl Session {
    /// `USER`, at any time: it ends the login that there was.
    pub(super) fn user(&mut self, name: &[u8]) -> Reply {
        self.identity.forget();
        if self.shared.settings.tls_required && !self.control.is_protected() {
            return Reply::new(530, "Use AUTH TLS first.");
        }
        self.identity.name = Some(name.to_owned());
        if self.shared.login.lets_anonymous_in() && anonymous::is_name(name) {
            Reply::new(331, "Any password will do.")
        } else {
            Reply::new(331, "Send the password with PASS.")
        }
    }

    pub(super) async fn pass(&mut self, password: &[u8]) -> Step {
        if self.shared.settings.tls_required && !self.control.is_protected() {
            return self.answer(Reply::new(530, "Use AUTH TLS first.")).await;
        }
        let Some(name) = self.identity.name.take() else {
            return self.answer(Reply::new(503, "Use USER first.")).await;
        };
        let login = self.shared.login.login(self.client, &name, password);
        let decided = tokio::select! {
            biased;
            decided = login => decided,
            () = self.control.gone() => return Ok(Next::Gone),
            () = self.shutdown.drain.cancelled() => return self.drained().await,
        };
        let Ok(account) = decided else {
            self.identity.wrong_logins += 1;
            if self.identity.wrong_logins >= MAX_WRONG_LOGINS {
                let why = "Too many wrong logins, closing.";
                return self.end(421, why, SessionEnd::WrongLogins).await;
            }
            return self.answer(Reply::new(530, "Login incorrect.")).await;
        };
        match self.storage_of(&account).await {
            Ok(storage) => {
                let working = FtpPath::root();
                self.record.user = Some(account.name().to_owned());
                self.identity.set_user(User { account, storage, working });
                self.answer(Reply::new(230, "Logged in.")).await
            }
            Err(error) => {
                warn!(user = account.name(), "cannot serve a user: {error}");
                self.answer(Reply::new(530, "Your directory is not there.")).await
            }
        }
    }

    /// What a user reaches, and whether it may be changed.
    async fn storage_of(&self, account: &Account) -> io::Result<Storage> {
        let storage = self.shared.storage.clone();
        let writable = account.is_writable(storage.is_writable());
        let storage = match account.home() {
            None => storage,
            Some(home) => {
                let home = home.to_owned();
                blocking(move || storage.below(&home).map_err(io::Error::other)).await?
            }
        };
        Ok(storage.with_writable(writable))
    }

    /// `REIN`: the session is as new. TLS ends (RFC 4217, section 11), but where the listener is
    /// for TLS alone.
    pub(super) async fn reinitialize(&mut self) -> Step {
        self.identity.forget();
        self.parameters = Parameters::default();
        self.passive.mode.reinitialize();
        self.control.reply(&Reply::new(220, &self.shared.settings.greeting)).await?;
        if self.security.ends_with_rein() && self.control.is_protected() {
            self.control.unprotect().await?;
            self.security = Default::default();
        }
        Ok(Next::Command)
    }
}
