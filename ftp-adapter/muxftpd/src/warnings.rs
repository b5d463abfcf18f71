//! What a start goes on with, although it is hardly what was meant.

use crate::auth::users::{User, Users};
use crate::config::options::Options;
use crate::config::{environment, ports};
use crate::setup::Checked;
use ftp_adapter::PassiveHost;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A sentence on each, for the start screen and for `--check`.
pub fn of(options: &Options, checked: &Checked) -> Vec<String> {
    let users = checked.users.get();
    let mut all = environment::unknown();
    all.extend(nobody(options, &users));
    all.extend(closed_directories(options, &users, checked.storage.root()));
    all.extend(an_address_of_this_machine_alone(options));
    all.extend(ports::overlap(options.passive_ports.listened()).map(|overlap| overlap.to_string()));
    all
}

/// Says so where nobody may log in.
pub fn nobody(options: &Options, users: &Users) -> Option<String> {
    let path = options.users.as_ref()?.display();
    if options.lets_anonymous_in() || users.iter().any(User::may_ever_log_in) {
        return None;
    }
    Some(match users.count() {
        0 => format!("nobody can log in: {path} has no user; add one, or give --anonymous"),
        1 => format!("nobody can log in: the user in {path} is disabled, or allowed from nowhere"),
        _ => {
            format!("nobody can log in: the users in {path} are disabled, or allowed from nowhere")
        }
    })
}

/// More lines would only push the first ones off the screen.
const MAX_DIRECTORIES: usize = 3;

/// Directories that are some client's root, but in which this process may do less than the client.
fn closed_directories(options: &Options, users: &Users, root: &Path) -> Vec<String> {
    let of_users = users.iter().map(|user| {
        let home = user.home.as_ref().map_or(root.into(), |home| root.join(home));
        (home, user.writable.unwrap_or(options.writable))
    });
    let of_anonymous = options.lets_anonymous_in().then(|| (root.into(), options.writable));
    // Where several share a directory, what the one may count who may do more.
    let all: BTreeMap<PathBuf, bool> = of_users.chain(of_anonymous).fold(
        BTreeMap::new(),
        |mut all: BTreeMap<PathBuf, bool>, (directory, writable)| {
            *all.entry(directory).or_default() |= writable;
            all
        },
    );
    let closed: Vec<_> = all
        .into_iter()
        .filter_map(|(directory, writable)| {
            let shown = directory.display();
            if !may(&directory, Access::READ_OK | Access::EXEC_OK) {
                return Some(format!(
                    "this process may not read {shown}: clients see nothing in it"
                ));
            }
            let locked = writable && !may(&directory, Access::WRITE_OK | Access::EXEC_OK);
            locked.then(|| {
                format!("every upload into {shown} will fail: this process may not write there")
            })
        })
        .collect();
    let more = closed.len().saturating_sub(MAX_DIRECTORIES);
    let mut sentences = closed;
    sentences.truncate(MAX_DIRECTORIES);
    match more {
        0 => {}
        1 => sentences.push("so it is with 1 more directory of users".to_owned()),
        more => sentences.push(format!("so it is with {more} more directories of users")),
    }
    sentences
}

/// Whether this process may use a directory in this way, as far as it can be known.
fn may(directory: &Path, how: Access) -> bool {
    let answer = accessat(CWD, directory, how, AtFlags::EACCESS);
    !matches!(answer, Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
}

/// An address for `PASV` that no other machine can connect to, for clients of other machines.
fn an_address_of_this_machine_alone(options: &Options) -> Option<String> {
    let PassiveHost::Ip(ip) = options.passive_host else { return None };
    let has_others = options
        .listen
        .iter()
        .chain(&options.tls_listen)
        .any(|address| address.is_ipv4() && !address.ip().is_loopback());
    (ip.is_loopback() && has_others).then(|| {
        format!(
            "clients of other machines will not connect: replies to PASV name {ip}; change \
             --passive-host"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    async fn warnings(users: Option<&str>, arguments: &[&str]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let root = format!("--root={}", directory.path().display());
        let mut all = vec!["muxftpd".to_owned(), "--passive-ports=1024".to_owned(), root];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        if let Some(users) = users {
            let path = directory.path().join("users.json");
            fs::write(&path, users).unwrap();
            all.push(format!("--users={}", path.display()));
        }
        let options = Options::read(all).unwrap();
        let checked = Checked::new(&options).await.unwrap();
        of(&options, &checked)
    }

    #[tokio::test]
    async fn a_server_that_nobody_can_use_is_told() {
        const ALICE: &str = r#"{"username": "alice", "password": "a""#;
        let disabled = format!(r#"[{ALICE}, "account_enabled": false}}]"#);
        let from_nowhere = format!(r#"[{ALICE}, "allowed_ip_ranges": []}}]"#);
        let alice = format!("[{ALICE}}}]");
        for (users, arguments, expected) in [
            (Some("[]"), &[][..], "has no user; add one, or give --anonymous"),
            (Some(&*disabled), &[], "is disabled, or allowed from nowhere"),
            (Some(&from_nowhere), &[], "is disabled, or allowed from nowhere"),
            (
                None,
                &["--passive-host=127.0.0.1", "--listen=0.0.0.0:21"],
                "replies to PASV name 127.0.0.1",
            ),
        ] {
            let said = warnings(users, arguments).await;
            assert!(said.len() == 1 && said[0].contains(expected), "{users:?}: {said:?}");
        }
        for (users, arguments) in [
            (None, &[][..]),
            (Some("[]"), &["--anonymous"]),
            (Some(&*alice), &["--writable"]),
            (None, &["--passive-host=127.0.0.1", "--listen=127.0.0.1:21,[::]:21"]),
            (None, &["--passive-host=192.0.2.7", "--listen=0.0.0.0:21"]),
        ] {
            assert_eq!(warnings(users, arguments).await, [""; 0], "{users:?}, {arguments:?}");
        }
    }

    /// For the superuser there is none.
    #[test]
    fn a_directory_that_this_process_may_not_use_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let mut users = Vec::new();
        for (home, writable) in [("a", true), ("b", false), ("c", false), ("d", true), ("e", true)]
        {
            fs::create_dir(directory.path().join(home)).unwrap();
            users.push(format!(
                r#"{{"username": "{home}", "password": "", "root": "{home}", "writable": {writable}}}"#
            ));
        }
        let file = directory.path().join("users.json");
        fs::write(&file, format!("[{}]", users.join(", "))).unwrap();
        let users = Users::read(&file).unwrap();
        let options = Options::read(["muxftpd", "--users=u"]).unwrap();
        assert_eq!(closed_directories(&options, &users, directory.path()), [""; 0]);
        let close = |home: &str, mode: u32| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(directory.path().join(home), mode).unwrap();
        };
        for (home, mode) in [("a", 0o555), ("b", 0o555), ("c", 0o300), ("d", 0o555), ("e", 0o555)] {
            close(home, mode);
        }
        let said = closed_directories(&options, &users, directory.path());
        close("c", 0o700);
        if rustix::process::geteuid().is_root() {
            assert_eq!(said, [""; 0]);
            return;
        }
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].contains("/a will fail"), "{said:?}");
        assert!(said[1].contains("may not read") && said[1].contains("/c: clients"), "{said:?}");
        assert!(said[3].contains("1 more directory"), "{said:?}");
    }
}
