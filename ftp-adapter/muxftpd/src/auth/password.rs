//! Passwords as they are kept, and how one is checked.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use std::fmt;
use std::num::NonZeroU32;

/// A password as the users file keeps it.
#[derive(Clone)]
pub enum Password {
    /// As it is.
    Plain(String),
    /// PBKDF2 with HMAC-SHA256.
    Pbkdf2 { salt: Vec<u8>, key: Vec<u8>, iterations: NonZeroU32 },
    /// Argon2, written as `$argon2id$v=19$…`.
    Argon2(String),
}

impl Password {
    /// Reads a hash in the PHC form.
    pub fn from_phc(text: &str) -> Result<Self, &'static str> {
        match PasswordHash::new(text) {
            Ok(hash) if !hash.algorithm.as_str().starts_with("argon2") => {
                Err("only argon2id, argon2i and argon2d hashes are known")
            }
            Ok(hash) if hash.hash.is_none() || hash.salt.is_none() => {
                Err("the hash has no salt or no output")
            }
            Ok(_) => Ok(Self::Argon2(text.to_owned())),
            Err(_) => Err("it is not a hash like $argon2id$v=19$m=…$salt$hash"),
        }
    }

    /// Whether `given` is this password. Takes as long for a wrong one as for the right one.
    pub fn is(&self, given: impl AsRef<[u8]>) -> bool {
        let given = given.as_ref();
        match self {
            Self::Plain(password) => equal(password.as_bytes(), given),
            Self::Pbkdf2 { salt, key, iterations } => {
                pbkdf2::verify(PBKDF2_HMAC_SHA256, *iterations, salt, given, key).is_ok()
            }
            Self::Argon2(hash) => PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(given, &hash).is_ok()),
        }
    }

    /// Whether checking it takes work.
    pub fn is_hashed(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

/// Compares in a time that tells the length alone.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// A hash of `password` for the users file, with a new salt.
pub fn hash(password: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| format!("cannot hash: {error}"))
}

/// Nothing of it is shown, not in logs either.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn each_kind_knows_its_password_and_no_other() {
        let pbkdf2 = Password::Pbkdf2 {
            salt: STANDARD.decode("dGhpc2lzYWJhZHNhbHQ=").unwrap(),
            key: STANDARD.decode("jZZ20ehafJPQPhUKsAAMjXS4wx9FSbzUgMn7HJqx4Hg=").unwrap(),
            iterations: NonZeroU32::new(500_000).unwrap(),
        };
        let right = "this is the correct password for alice";
        let argon2 = Password::from_phc(&hash(right).unwrap()).unwrap();
        for password in [Password::Plain(right.to_owned()), pbkdf2, argon2] {
            assert!(password.is(right));
            assert!(!password.is("this is the correct password for alicf"));
            assert!(!password.is(""));
        }
    }

    #[test]
    fn other_hashes_are_refused() {
        assert!(Password::from_phc("$2y$10$abcdefghijklmnopqrstuv").is_err());
        assert!(Password::from_phc("$pbkdf2-sha256$i=1000$c2FsdHNhbHQ$aGFzaGhhc2g").is_err());
        assert!(Password::from_phc("$argon2id$v=19$m=19456,t=2,p=1").is_err());
        assert!(Password::from_phc("secret").is_err());
    }

    #[test]
    fn nothing_of_it_is_shown() {
        assert_eq!(format!("{:?}", Password::Plain("secret".to_owned())), "Password");
    }
}
