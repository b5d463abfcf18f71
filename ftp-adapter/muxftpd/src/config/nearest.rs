//! The name that somebody meant who has written another one.

/// The one of `names` that is close to `written`, if one is: a slip or two away, or written with
/// `_` or in capitals, or cut short.
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.replace('_', "-").to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&written, name);
    let is_part = |part: &str, whole: &str| part.len() >= SHORTEST_PART && whole.starts_with(part);
    let most = slips(&written);
    names
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| {
            *distance <= most || is_part(&written, name) || is_part(name, &written)
        })
        .min()
        .map(|(_, name)| name)
}

/// Shorter beginnings of a name could be that of anything.
const SHORTEST_PART: usize = 4;

/// How many letters may be wrong in a name: one in four, and one at least.
fn slips(written: &str) -> usize {
    (written.chars().count() / 4).clamp(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] = [
        "root",
        "users",
        "client-prefix",
        "max-clients",
        "max-sessions",
        "max-sessions-per-client",
        "passive-ports",
        "passive-host",
        "tls-cert",
    ];

    #[test]
    fn what_is_close_is_found_and_nothing_else() {
        for (written, meant) in [
            ("max-sesions", Some("max-sessions")),
            ("max-session", Some("max-sessions")),
            ("max_sessions", Some("max-sessions")),
            ("Passive-Ports", Some("passive-ports")),
            ("pasive-port", Some("passive-ports")),
            ("passiev-host", Some("passive-host")),
            ("rot", Some("root")),
            ("user", Some("users")),
            ("tls-certificate", Some("tls-cert")),
            ("check", None),
            ("config", None),
            ("max", None),
            ("port", None),
            ("r", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, NAMES.into_iter()), meant, "{written}");
        }
        assert_eq!(nearest("root", [].into_iter()), None);
    }
}
