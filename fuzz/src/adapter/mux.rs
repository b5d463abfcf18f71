//! A mux that all runs share: binding sockets takes longer than everything else.

use std::net::Ipv4Addr;
use std::sync::OnceLock;
use std::time::Duration;

use ftp_adapter::Passive;
use mux_core::{Mux, PortSet};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::paused::runtime;

/// Where it listens.
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// How long a reservation lives. Runs let whole seconds pass, so that none ends just then.
pub(super) const LIFETIME: Duration = Duration::from_millis(2500);

/// Passive mode on this many ports, on which nobody waits in line.
pub(super) async fn passive(ports: usize) -> Passive {
    loop {
        let mut free = Vec::new();
        for _ in 0..ports {
            free.push(TcpListener::bind((SERVER, 0)).await.expect("a free port"));
        }
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let set = PortSet::new(free.iter().map(|listener| port(listener)..=port(listener)));
        drop(free);
        let builder = Mux::builder(set.expect("ports")).wait(Duration::ZERO).ttl(LIFETIME);
        // Somebody else may have taken one meanwhile.
        if let Ok(mux) = builder.addresses([SERVER.into()]).bind() {
            return Passive::new(mux);
        }
    }
}

/// Gives `run` what all runs share: a runtime, and passive mode on two ports.
pub(super) fn shared(run: impl FnOnce(&Runtime, &Passive)) {
    static SHARED: OnceLock<(Runtime, Passive)> = OnceLock::new();
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let alone = ONE_AT_A_TIME.lock();
    let (runtime, passive) = SHARED.get_or_init(|| {
        let runtime = runtime();
        let passive = runtime.block_on(passive(2));
        (runtime, passive)
    });
    run(runtime, passive);
    drop(alone);
}
