//! Setting everything up, or nothing.

use crate::auth::account::Account;
use crate::auth::anonymous;
use crate::auth::bridge::Accounts;
use crate::auth::login::Login;
use crate::auth::secrets;
use crate::auth::throttle::{self, Throttle};
use crate::auth::users::{CurrentUsers, Users};
use crate::config::options::Options;
use crate::config::ports;
use crate::listen::{self, Control};
use crate::observe::journal::Journal;
use crate::storage::served::Served;
use ftp_adapter::{Advertised, MuxServer, Tls, TlsError};
use libunftp::ServerBuilder;
use libunftp::options::SiteMd5;
use mux_core::Mux;
use std::error::Error;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What files and names say, before anything is bound.
#[derive(Debug)]
pub struct Checked {
    pub served: Served,
    pub users: Arc<CurrentUsers>,
    tls: Option<Tls>,
    pub advertised: Advertised,
}

/// A server that is ready to serve.
#[derive(Debug)]
pub struct Ready {
    pub server: MuxServer<Served, Account>,
    pub mux: Mux,
    pub journal: Journal,
    pub control: Vec<Control>,
    /// The addresses of the passive ports.
    pub passive: Vec<IpAddr>,
}

impl Checked {
    /// Reads all that `options` name.
    pub async fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let served = Served::open(&options.root, options.writable)?;
        let users = Arc::new(users(options, &served)?.into());
        let tls = tls(options)?;
        let advertised = options.passive_host.clone().resolve().await?;
        Ok(Self { served, users, tls, advertised })
    }

    /// Reads the users and the certificate again, for the logins and sessions from now on. Where
    /// anything is wrong, both stay as they are.
    pub fn renew(&self, options: &Options) -> Result<(), Box<dyn Error>> {
        let (users, tls) = (users(options, &self.served)?, tls(options)?);
        self.users.set(users);
        if let (Some(old), Some(new)) = (&self.tls, &tls) {
            old.renew(new);
        }
        Ok(())
    }

    /// Binds every port, or none.
    pub async fn bind(
        &self,
        options: &Options,
        log: Option<slog::Logger>,
    ) -> Result<Ready, Box<dyn Error>> {
        // The control listeners come first: they fail where another muxftpd runs already, and its
        // passive ports must not be touched then.
        let ports = options.passive_ports.listened();
        let control = listen::bind(&options.listen, ports)?;
        let passive = listen::passive_addresses(&control);
        if !options.passive_ports.is_plain()
            || !options.tls_listen.is_empty()
            || options.client_prefix.is_some()
        {
            return Err(
                "libunftp can neither map ports, nor begin with TLS, nor heed a prefix".into()
            );
        }
        let mut mux = Mux::builder(ports.clone())
            .addresses(passive.iter().copied())
            .ttl(options.reservation_ttl)
            .wait(options.wait)
            .max_waiting(options.max_waiting_per_client, options.max_waiting)
            .steering(true);
        if let Some(most) = options.max_pending_per_client {
            mux = mux.max_pending_per_client(most);
        }
        if let Some(most) = options.max_clients {
            mux = mux.max_clients(most);
        }
        let mux = ports::bind(&mux).await?;
        let journal = Journal::default();
        let server = self.server(options, &mux, &journal, log)?;
        Ok(Ready { server, mux, journal, control, passive })
    }

    fn server(
        &self,
        options: &Options,
        mux: &Mux,
        journal: &Journal,
        log: Option<slog::Logger>,
    ) -> Result<MuxServer<Served, Account>, Box<dyn Error>> {
        let lets_anonymous_in = options.lets_anonymous_in();
        let throttle = Throttle::new(throttle::Limits {
            failures: NonZeroU32::new(options.max_login_failures),
            window: options.login_window,
        });
        let login = Arc::new(Login::new(
            Arc::clone(&self.users),
            lets_anonymous_in,
            throttle,
            journal.clone(),
        ));
        let accounts = Arc::new(Accounts(Arc::clone(&self.users)));
        let greeting = if lets_anonymous_in {
            "muxftpd ready, log in as anonymous."
        } else {
            "muxftpd ready."
        };
        let storage = self.served.clone();
        let server = MuxServer::new(
            mux.clone(),
            move || storage.clone(),
            move |storage| {
                ServerBuilder::with_user_detail_provider(storage, accounts.clone())
                    .authenticator(login.clone())
                    .greeting(greeting)
                    // Hashing files is too dear for people who are not known.
                    .sitemd5(SiteMd5::None)
                    .logger(log.clone())
            },
        )?
        .passive_host(self.advertised.clone())
        .events(Arc::new(journal.clone()))
        .max_sessions(options.max_sessions)
        .max_sessions_per_client(options.max_sessions_per_client)
        .login_timeout(options.login_timeout)
        .idle_timeout(options.idle_timeout)
        .drain_timeout(options.drain_timeout);
        Ok(match &self.tls {
            Some(tls) => server.tls(tls.clone()),
            None => server,
        })
    }
}

/// Reads the users, who must be possible in what is served.
fn users(options: &Options, served: &Served) -> Result<Users, Box<dyn Error>> {
    let Some(path) = &options.users else { return Ok(Users::default()) };
    secrets::warn_if_open(path);
    let users = Users::read(path)?;
    for user in users.iter() {
        let name = &user.name;
        if options.lets_anonymous_in() && anonymous::is_name(name) {
            return Err(format!(
                "the users file has {name:?}, which is anonymous login: \
                 leave out that user, or --anonymous"
            )
            .into());
        }
        if let Some(home) = &user.home {
            served.below(home).map_err(|error| format!("the root of user {name}: {error}"))?;
        }
    }
    Ok(users)
}

/// Reads the certificate and its key, if there are any.
fn tls(options: &Options) -> Result<Option<Tls>, TlsError> {
    let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    secrets::warn_if_open(key);
    let tls = Tls::from_pem_files(certificate, key)?;
    Ok(Some(tls.required(options.tls_required).session_required(options.tls_session_required)))
}
