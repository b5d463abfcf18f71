//! The users file.
//!
//! The JSON of `unftp-auth-jsonfile` without client certificates, and with some more fields.

use crate::auth::password::Password;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The longest PBKDF2 key that HMAC-SHA256 makes in one go.
const LONGEST_KEY: usize = 32;

/// All users, by name.
#[derive(Debug, Default)]
pub struct Users(HashMap<String, User>);

/// The users as they are now: others may take their place.
#[derive(Debug, Default)]
pub struct CurrentUsers(RwLock<Arc<Users>>);

impl CurrentUsers {
    pub fn get(&self) -> Arc<Users> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set(&self, users: Users) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
    }
}

impl From<Users> for CurrentUsers {
    fn from(users: Users) -> Self {
        Self(RwLock::new(Arc::new(users)))
    }
}

/// One user.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct User {
    pub name: String,
    pub password: Password,
    /// Where the user may come from; `None` for anywhere.
    pub addresses: Option<Vec<IpNet>>,
    pub enabled: bool,
    /// The directory that is the user's root, below the served one.
    pub home: Option<PathBuf>,
    /// Whether the user may write; `None` as everybody.
    pub writable: Option<bool>,
}

impl Users {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let error = |line, reason: String| UsersError { path: path.to_owned(), line, reason };
        let text = fs::read_to_string(path).map_err(|failed| match failed.kind() {
            io::ErrorKind::InvalidData => error(None, "it is not text in UTF-8".to_owned()),
            _ => error(None, failed.to_string()),
        })?;
        Self::parse(&text).map_err(|(line, reason)| error(line, reason))
    }

    fn parse(text: &str) -> Result<Self, (Option<usize>, String)> {
        let mut json = serde_json::Deserializer::from_str(text);
        let list: Vec<User> =
            serde_path_to_error::deserialize(&mut json).map_err(|error| located(&error))?;
        json.end().map_err(|error| (Some(error.line()), unlocated(&error)))?;
        let mut users = HashMap::new();
        for user in list {
            match users.entry(user.name.clone()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(user);
                }
                Entry::Occupied(_) => {
                    return Err((None, format!("the user {:?} is there twice", user.name)));
                }
            }
        }
        Ok(Self(users))
    }

    pub fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }

    /// Checked in place of the password of somebody who is not there, so that the time that it
    /// takes does not tell names.
    pub fn decoy(&self) -> Option<&Password> {
        self.iter().map(|user| &user.password).find(|password| password.is_hashed())
    }

    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.0.values()
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl User {
    /// Whether the user can log in from any address at all.
    pub fn may_ever_log_in(&self) -> bool {
        self.enabled && self.addresses.as_ref().is_none_or(|allowed| !allowed.is_empty())
    }

    /// Whether the user may log in from `address`.
    pub fn may_come_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let allowed = self.addresses.as_ref();
        allowed.is_none_or(|allowed| allowed.iter().any(|network| network.contains(&address)))
    }
}

/// One user as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    username: String,
    password: Option<String>,
    #[serde(default, deserialize_with = "base64")]
    pbkdf2_salt: Option<Vec<u8>>,
    #[serde(default, deserialize_with = "base64")]
    pbkdf2_key: Option<Vec<u8>>,
    pbkdf2_iter: Option<NonZeroU32>,
    #[serde(default, deserialize_with = "phc")]
    password_hash: Option<Password>,
    allowed_ip_ranges: Option<Vec<IpNet>>,
    account_enabled: Option<bool>,
    #[serde(default, deserialize_with = "below")]
    root: Option<PathBuf>,
    writable: Option<bool>,
    client_cert: Option<IgnoredAny>,
}

impl TryFrom<Written> for User {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let name = written.username;
        let wrong = |reason: &str| format!("the user {name:?} {reason}");
        if name.is_empty() {
            return Err("username is empty".to_owned());
        }
        if written.client_cert.is_some() {
            return Err(wrong("has client_cert: client certificates are not supported"));
        }
        let pbkdf2 = (written.pbkdf2_salt, written.pbkdf2_key, written.pbkdf2_iter);
        let password = match (written.password, written.password_hash, pbkdf2) {
            (Some(password), None, (None, None, None)) => Password::Plain(password),
            (None, Some(hash), (None, None, None)) => hash,
            (None, None, (Some(salt), Some(key), Some(iterations))) => {
                if key.is_empty() || key.len() > LONGEST_KEY {
                    return Err(wrong("has a pbkdf2_key that is empty or longer than 32 bytes"));
                }
                Password::Pbkdf2 { salt, key, iterations }
            }
            (None, None, (None, None, None)) => {
                return Err(wrong("has no password: give password_hash, pbkdf2_* or password"));
            }
            (None, None, _) => {
                return Err(wrong("lacks one of pbkdf2_salt, pbkdf2_key and pbkdf2_iter"));
            }
            _ => return Err(wrong("has several of password_hash, pbkdf2_* and password")),
        };
        Ok(Self {
            password,
            addresses: written.allowed_ip_ranges,
            enabled: written.account_enabled.unwrap_or(true),
            home: written.root,
            writable: written.writable,
            name,
        })
    }
}

fn base64<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = String::deserialize(input)?;
    STANDARD
        .decode(text)
        .map(Some)
        .map_err(|error| D::Error::custom(format!("not base64: {error}")))
}

fn phc<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Password>, D::Error> {
    let text = String::deserialize(input)?;
    Password::from_phc(&text).map(Some).map_err(D::Error::custom)
}

/// A path that leads below the served directory and nowhere else.
fn below<'de, D: Deserializer<'de>>(input: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::from(String::deserialize(input)?);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(Some(path));
    }
    let path = path.display();
    Err(D::Error::custom(format!("{path} must be a path below --root, such as partners/alice")))
}

/// What is wrong, in which field, and in which line.
fn located(error: &serde_path_to_error::Error<serde_json::Error>) -> (Option<usize>, String) {
    let inner = error.inner();
    let path = error.path().to_string();
    let reason = match path.trim_end_matches(".?") {
        "." | "?" if unlocated(inner).ends_with("expected a sequence") => {
            "write a list of users: [{\"username\": …}, …]".to_owned()
        }
        "." | "?" => unlocated(inner),
        field => format!("{field}: {}", unlocated(inner)),
    };
    (Some(inner.line()), reason)
}

/// The error without the place that serde_json appends to it.
fn unlocated(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Why the users file cannot be used.
#[derive(Debug)]
pub struct UsersError {
    path: PathBuf,
    line: Option<usize>,
    reason: String,
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the users file {}: ", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for UsersError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_format_is_read() {
        let users = Users::parse(
            r#"[
  {
    "username": "alice",
    "pbkdf2_salt": "dGhpc2lzYWJhZHNhbHQ=",
    "pbkdf2_key": "jZZ20ehafJPQPhUKsAAMjXS4wx9FSbzUgMn7HJqx4Hg=",
    "pbkdf2_iter": 500000
  },
  { "username": "carol", "password": "not so secure" },
  {
    "username": "dan",
    "password": "",
    "allowed_ip_ranges": ["127.0.0.1/8", "2001:db8::/32"],
    "account_enabled": false,
    "root": "partners/dan",
    "writable": true
  }
]"#,
        )
        .unwrap();
        assert_eq!(users.count(), 3);
        assert!(users.get("carol").unwrap().password.is("not so secure"));
        assert!(users.get("carol").unwrap().enabled);
        let dan = users.get("dan").unwrap();
        assert_eq!(dan.home.as_deref(), Some(Path::new("partners/dan")));
        assert_eq!((dan.writable, dan.enabled), (Some(true), false));
        assert!(dan.may_come_from("127.9.9.9".parse().unwrap()));
        assert!(dan.may_come_from("::ffff:127.9.9.9".parse().unwrap()));
        assert!(dan.may_come_from("2001:db8::7".parse().unwrap()));
        assert!(!dan.may_come_from("128.0.0.1".parse().unwrap()));
        assert!(users.get("chuck").is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_field() {
        for (text, line, reason) in [
            ("", 1, "EOF while parsing a value"),
            ("[\n{\"username\": \"a\"\n", 3, "[0]: EOF while parsing"),
            ("[\n{\"user\": \"a\"}]", 2, "[0].user: unknown field `user`"),
            ("[\n{}]", 2, "[0]: missing field `username`"),
            ("[{},\n{}]", 1, "[0]: missing field `username`"),
            (
                "[{\"username\":\"a\",\n\"pbkdf2_iter\":\"5\"}]",
                2,
                "[0].pbkdf2_iter: invalid type: string \"5\"",
            ),
            ("[{\"username\":\"a\",\n\"pbkdf2_key\":\"*\"}]", 2, "[0].pbkdf2_key: not base64"),
            (
                "[{\"username\":\"a\",\n\"password_hash\":\"x\"}]",
                2,
                "[0].password_hash: it is not a",
            ),
            (
                "[{\"username\":\"a\",\n\"root\":\"../b\"}]",
                2,
                "[0].root: ../b must be a path below",
            ),
            ("[{\"username\":\"a\",\n\"root\":\"/b\"}]", 2, "[0].root: /b must be a path below"),
            ("[\n{\"username\":\"a\"}]", 2, "[0]: the user \"a\" has no password"),
            ("[\n{\"username\":\"a\",\"pbkdf2_iter\":1}]", 2, "[0]: the user \"a\" lacks one of"),
            (
                "[\n{\"username\":\"a\",\"password\":\"b\",\"client_cert\":{}}]",
                2,
                "[0]: the user \"a\" has client_cert",
            ),
            (
                "[{\"username\":\"a\",\n\"allowed_ip_ranges\":[\"10\"]}]",
                2,
                "[0].allowed_ip_ranges[0]",
            ),
            ("[]\n{}", 2, "trailing characters"),
            ("\n{\"username\":\"a\"}", 2, "write a list of users"),
            ("\"a\"", 1, "write a list of users"),
        ] {
            let (found, error) = Users::parse(text).unwrap_err();
            assert_eq!(found, Some(line), "{text}: {error}");
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }

    #[test]
    fn nobody_is_there_twice() {
        let text = r#"[{"username":"a","password":"b"},{"username":"a","password":"c"}]"#;
        assert!(Users::parse(text).unwrap_err().1.contains("\"a\" is there twice"));
    }
}
