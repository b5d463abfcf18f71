//! Anonymous login (RFC 1635).

/// What an anonymous client is called once it is logged in.
pub const NAME: &str = "anonymous";

/// Whether a client that gives this name logs in anonymously.
pub fn is_name(name: impl AsRef<[u8]>) -> bool {
    let name = name.as_ref();
    name.eq_ignore_ascii_case(NAME.as_bytes()) || name.eq_ignore_ascii_case(b"ftp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_anonymous_names_are_meant() {
        for name in ["anonymous", "Anonymous", "ftp", "FTP"] {
            assert!(is_name(name), "{name:?}");
        }
        for name in ["", "root", "anonymous ", "ftpd", "ånonymous"] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
