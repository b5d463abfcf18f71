//! Setting everything up, or nothing.

use crate::account::{Account, Accounts};
use crate::journal::Journal;
use crate::listen::{self, Control};
use crate::login::Login;
use crate::numbers::Numbers;
use crate::options::Options;
use crate::secrets;
use crate::served::Served;
use crate::throttle::{self, Throttle};
use crate::users::Users;
use ftp_adapter::{Advertised, MuxServer, Tls};
use libunftp::ServerBuilder;
use libunftp::options::SiteMd5;
use mux_core::Mux;
use std::error::Error;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What files and names say, before anything is bound.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) served: Served,
    pub(crate) users: Arc<Users>,
    tls: Option<Tls>,
    pub(crate) advertised: Advertised,
}

/// A server that is ready to serve.
pub(crate) struct Ready {
    pub(crate) server: MuxServer<Served, Account>,
    pub(crate) mux: Mux,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) control: Vec<Control>,
    /// The addresses of the passive ports.
    pub(crate) passive: Vec<IpAddr>,
}

impl Checked {
    /// Reads all that `options` name.
    pub(crate) async fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let served = Served::open(&options.root, options.writable)?;
        let users = match &options.users {
            Some(path) => {
                secrets::warn_if_open(path);
                Users::read(path)?
            }
            None => Users::default(),
        };
        for user in users.iter() {
            let name = &user.name;
            if options.lets_anonymous_in() && crate::anonymous::is_name(name) {
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
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificate), Some(key)) => {
                secrets::warn_if_open(key);
                let tls = Tls::from_pem_files(certificate, key)?;
                Some(
                    tls.required(options.tls_required)
                        .session_required(options.tls_session_required),
                )
            }
            _ => None,
        };
        let advertised = options.passive_host.clone().resolve().await?;
        Ok(Self { served, users: Arc::new(users), tls, advertised })
    }

    /// Binds every port, or none.
    pub(crate) fn bind(
        &self,
        options: &Options,
        log: Option<slog::Logger>,
    ) -> Result<Ready, Box<dyn Error>> {
        // The control listeners come first: they fail where another muxftpd runs already, and its
        // passive ports must not be touched then.
        let ports = options.passive_ports.listened();
        let control = listen::bind(&options.listen, ports)?;
        let passive = listen::passive_addresses(&control);
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
        let mux = mux.bind()?;
        let numbers = Arc::new(Numbers::default());
        let server = self.server(options, &mux, &numbers, log)?;
        Ok(Ready { server, mux, numbers, control, passive })
    }

    fn server(
        &self,
        options: &Options,
        mux: &Mux,
        numbers: &Arc<Numbers>,
        log: Option<slog::Logger>,
    ) -> Result<MuxServer<Served, Account>, Box<dyn Error>> {
        let anonymous = options.lets_anonymous_in();
        let throttle = Throttle::new(throttle::Limits {
            failures: NonZeroU32::new(options.max_login_failures),
            window: options.login_window,
        });
        let login =
            Arc::new(Login::new(Arc::clone(&self.users), anonymous, throttle, Arc::clone(numbers)));
        let accounts = Arc::new(Accounts(Arc::clone(&self.users)));
        let greeting =
            if anonymous { "muxftpd ready, log in as anonymous." } else { "muxftpd ready." };
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
        .events(Arc::new(Journal(Arc::clone(numbers))))
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
