//! `--check`: whether a start would succeed, without one.

use crate::config::options::Options;
use crate::listen::Places;
use crate::setup::Checked;
use crate::warnings;
use std::error::Error;
use std::fmt::Write as _;

/// Looks at everything but the ports, and says what was looked at.
pub async fn check(options: &Options) -> Result<String, Box<dyn Error>> {
    Places::from(options).check()?;
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
    for warning in warnings::of(options, &checked) {
        line("warning", warning);
    }
    text.push_str("ok\n");
    Ok(text)
}
