//! Anonymous login (RFC 1635).

use async_trait::async_trait;
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal};

/// Lets `anonymous` and `ftp` in, with any password, and nobody else.
#[derive(Debug)]
pub(crate) struct Anonymous;

#[async_trait]
impl Authenticator for Anonymous {
    async fn authenticate(
        &self,
        username: &str,
        _credentials: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        if username.eq_ignore_ascii_case("anonymous") || username.eq_ignore_ascii_case("ftp") {
            Ok(Principal { username: "anonymous".to_owned() })
        } else {
            Err(AuthenticationError::BadUser)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_two_anonymous_names_are_let_in() {
        for name in ["anonymous", "Anonymous", "ftp", "FTP"] {
            assert!(Anonymous.authenticate(name, &"guest@example.org".into()).await.is_ok());
        }
        for name in ["", "root", "anonymous ", "ftpd", "ånonymous"] {
            let result = Anonymous.authenticate(name, &"".into()).await;
            assert!(matches!(result, Err(AuthenticationError::BadUser)), "{name:?}");
        }
    }
}
