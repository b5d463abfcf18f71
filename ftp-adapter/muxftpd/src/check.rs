//! `--check`: whether a start would succeed, without one.

use crate::config::options::Options;
use crate::config::ports;
use crate::listen;
use crate::setup::Checked;
use std::error::Error;
use std::fmt::Write as _;

/// Looks at everything but the ports, and says what was looked at.
pub async fn check(options: &Options) -> Result<String, Box<dyn Error>> {
    let passive = options.passive_ports.listened();
    listen::check(&options.listen, &options.tls_listen, passive)?;
    let checked = Checked::new(options).await?;

    let mut text = String::new();
    let mut line = |what: &str, found: String| {
        let _ = writeln!(text, "  {what:<12} {found}");
    };
    line("root", checked.storage.root().display().to_string());
    match &options.users {
        Some(path) => {
            line("users", format!("{} in {}", checked.users.get().count(), path.display()));
        }
        None => line("users", "none: anonymous logins".to_owned()),
    }
    match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => {
            line("TLS", format!("{} with {}", certificate.display(), key.display()));
        }
        _ => line("TLS", "none".to_owned()),
    }
    line("advertised", checked.advertised.to_string());
    if let Some(prefix) = options.client_prefix {
        line("clients", format!("one for all addresses with the same {prefix}"));
    }
    line("ports", "not tried: a muxftpd that runs would hold them".to_owned());
    if let Some(overlap) = ports::overlap(options.passive_ports.listened()) {
        line("warning", overlap.to_string());
    }
    text.push_str("ok\n");
    Ok(text)
}
