//! Setting everything up, or nothing.

use crate::auth::anonymous;
use crate::auth::login::Login;
use crate::auth::secrets;
use crate::auth::throttle::{self, Throttle};
use crate::auth::users::{CurrentUsers, Users};
use crate::config::options::Options;
use crate::config::ports;
use crate::listen::{self, Control, Places};
use crate::observe::journal::Journal;
use crate::server::Server;
use crate::session::shared::{Settings, Shared};
use crate::storage::Storage;
use crate::tls::{Tls, TlsError};
use crate::warnings;
use ftp_adapter::{Advertised, Passive};
use mux_core::Mux;
use std::error::Error;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use tracing::warn;

/// What files and names say, before anything is bound.
#[derive(Debug)]
pub struct Checked {
    pub storage: Storage,
    pub users: Arc<CurrentUsers>,
    tls: Option<Arc<Tls>>,
    pub advertised: Advertised,
}

/// A server that is ready to serve.
#[derive(Debug)]
pub struct Ready {
    pub server: Server,
    pub mux: Mux,
    pub journal: Journal,
    pub control: Vec<Control>,
    /// The addresses of the passive ports.
    pub passive: Vec<IpAddr>,
}

impl Checked {
    /// Reads all that `options` name.
    pub async fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let storage = Storage::open(&options.root, options.writable)?;
        let users = Arc::new(users(options, &storage)?.into());
        let tls = tls(options)?.map(Arc::new);
        let advertised = options.passive_host.clone().resolve().await?;
        Ok(Self { storage, users, tls, advertised })
    }

    /// Reads the users and the certificate again, for the logins and sessions from now on. Where
    /// anything is wrong, both stay as they are.
    pub fn renew(&self, options: &Options) -> Result<(), Box<dyn Error>> {
        let (users, tls) = (users(options, &self.storage)?, tls(options)?);
        if let Some(nobody) = warnings::nobody(options, &users) {
            warn!(target: "muxftpd", "{nobody}");
        }
        self.users.set(users);
        if let (Some(old), Some(new)) = (&self.tls, &tls) {
            old.renew(new);
        }
        Ok(())
    }

    /// Binds every port, or none.
    pub async fn bind(&self, options: &Options) -> Result<Ready, Box<dyn Error>> {
        // The control listeners come first: they fail where another muxftpd runs already, and its
        // passive ports must not be touched then.
        let ports = options.passive_ports.listened();
        let control = listen::bind(&Places::from(options))?;
        let passive = listen::passive_addresses(&control);
        let mut mux = Mux::builder(ports.clone())
            .addresses(passive.iter().copied())
            .ttl(options.reservation_ttl)
            .wait(options.wait)
            .max_waiting(options.max_waiting_per_client, options.max_waiting);
        if let Some(most) = options.max_pending_per_client {
            mux = mux.max_pending_per_client(most);
        }
        if let Some(most) = options.max_clients {
            mux = mux.max_clients(most);
        }
        if let Some(prefix) = options.client_prefix {
            mux = mux.client_prefix(prefix);
        }
        if let Some(networks) = &options.proxy_from {
            mux = mux.proxied_by(networks.clone());
        }
        let mux = ports::bind(&mux).await?;
        let journal = Journal::default();
        let server = self.server(options, &mux, &journal)?;
        Ok(Ready { server, mux, journal, control, passive })
    }

    fn server(
        &self,
        options: &Options,
        mux: &Mux,
        journal: &Journal,
    ) -> Result<Server, Box<dyn Error>> {
        let lets_anonymous_in = options.lets_anonymous_in();
        let throttle = Throttle::new(throttle::LoginLimits {
            failures: NonZeroU32::new(options.max_login_failures),
            window: options.login_window,
        });
        let users = Arc::clone(&self.users);
        let login = Login::new(users, lets_anonymous_in, throttle, journal.clone());
        let greeting = if lets_anonymous_in {
            "muxftpd ready, log in as anonymous."
        } else {
            "muxftpd ready."
        };
        let passive = Passive::new(mux.clone())
            .advertised(self.advertised.clone())
            .port_map(options.passive_ports.clone())?;
        let shared = Shared {
            storage: self.storage.clone(),
            login,
            passive,
            tls: self.tls.clone(),
            journal: journal.clone(),
            settings: Settings {
                greeting: greeting.to_owned(),
                tls_required: options.tls_required,
                strict_close: options.tls_close_required,
                ascii: options.ascii_conversion,
                login_timeout: options.login_timeout,
                idle_timeout: options.idle_timeout,
                stall_timeout: options.stall_timeout,
            },
        };
        Ok(Server {
            shared: Arc::new(shared),
            drain_timeout: options.drain_timeout,
            max_sessions: options.max_sessions,
            max_sessions_per_client: options.max_sessions_per_client,
            proxies: options.proxy_from.clone().unwrap_or_default(),
        })
    }
}

/// Reads the users, who must be possible in what is served.
fn users(options: &Options, storage: &Storage) -> Result<Users, Box<dyn Error>> {
    let Some(path) = &options.users else {
        if options.lets_anonymous_in() {
            return Ok(Users::default());
        }
        return Err("nobody can log in: give --users, or leave --anonymous=false out".into());
    };
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
            storage.below(home).map_err(|error| format!("the root of user {name}: {error}"))?;
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
    Tls::from_pem_files(certificate, key, options.tls_session_required).map(Some)
}
