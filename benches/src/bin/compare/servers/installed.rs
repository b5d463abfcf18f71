//! Servers that others have made: vsftpd, ProFTPD, Pure-FTPd and pyftpdlib.
//!
//! `benches/peers.sh` unpacks them into `target/peers`; `FTP_PEERS` names another folder. What is
//! not there is looked for where the system has it.

use super::UPLOADS;
use super::client::User;
use super::kind::{Mechanism, ServerKind};
use super::setup::Setup;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// A system's user that owns nothing here. vsftpd needs one whose home directory is there.
const UNPRIVILEGED: &str = "daemon";
/// Pure-FTPd serves its anonymous clients from a home directory alone, so it gets a user.
const GUEST: User = User { name: "guest", password: "guest" };
const IDLE_SECONDS: u32 = 24 * 3600;

/// How one of them is started.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(&'static str, String)>,
}

/// Whom clients log in as.
pub(super) fn user(mechanism: Mechanism) -> User {
    match mechanism {
        Mechanism::PureFtpd => GUEST,
        _ => User::ANONYMOUS,
    }
}

/// Whether it reports each session on standard error.
pub(super) fn is_chatty(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Proftpd | Mechanism::Pyftpdlib)
}

/// Why a server cannot be run here, if so.
pub(super) fn missing(mechanism: Mechanism) -> Option<&'static str> {
    let advice = "it is not here: run benches/peers.sh";
    match mechanism {
        Mechanism::Pyftpdlib => (!python().join("pyftpdlib").is_dir()).then_some(advice),
        mechanism => program(mechanism)?.is_none().then_some(advice),
    }
}

/// How to start it on `address`.
pub(super) fn start(kind: ServerKind, setup: &Setup, address: SocketAddr) -> io::Result<Start> {
    let (first, last) = (address.port() + 1, address.port() + kind.ports);
    let (ip, port) = (address.ip(), address.port());
    let write = |name: &str, text: String| -> io::Result<String> {
        let path = setup.scratch.join(format!("{name}-{port}"));
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let (scratch, root) = (&setup.scratch, setup.root.display());
    let arguments = match kind.mechanism {
        Mechanism::Vsftpd => {
            // An empty directory that it shuts its unprivileged processes in.
            let empty = scratch.join(format!("empty-{port}"));
            fs::create_dir(&empty)?;
            let text = format!(
                "listen=YES\nlisten_address={ip}\nlisten_port={port}\nbackground=NO\n\
                 anonymous_enable=YES\nlocal_enable=NO\nanon_root={root}\nwrite_enable=YES\n\
                 anon_upload_enable=YES\nanon_other_write_enable=YES\nftp_username={UNPRIVILEGED}\n\
                 nopriv_user={UNPRIVILEGED}\nsecure_chroot_dir={}\npasv_min_port={first}\n\
                 pasv_max_port={last}\nxferlog_enable=NO\nidle_session_timeout={IDLE_SECONDS}\n\
                 seccomp_sandbox=NO\nuse_sendfile=YES\nssl_enable=YES\nallow_anon_ssl=YES\n\
                 force_local_data_ssl=NO\nforce_local_logins_ssl=NO\nrequire_ssl_reuse=NO\n\
                 ssl_ciphers=HIGH\nrsa_cert_file={}\nrsa_private_key_file={}\n",
                empty.display(),
                setup.certificate.certificate.display(),
                setup.certificate.key.display(),
            );
            vec![write("vsftpd", text)?]
        }
        Mechanism::Proftpd => {
            let state = scratch.join(format!("proftpd-state-{port}"));
            let state = state.display();
            let text = format!(
                "ServerName peer\nServerType standalone\nDefaultServer on\nDefaultAddress {ip}\n\
                 Port {port}\nUseIPv6 off\nUser {UNPRIVILEGED}\nGroup nogroup\n\
                 PassivePorts {first} {last}\nUseReverseDNS off\nWtmpLog off\nTransferLog NONE\n\
                 SystemLog /dev/null\nPidFile {state}.pid\nScoreboardFile {state}.board\n\
                 DelayEngine off\nMaxInstances none\nTimeoutIdle {IDLE_SECONDS}\n\
                 TimeoutNoTransfer {IDLE_SECONDS}\nRequireValidShell off\n\
                 AuthOrder mod_auth_unix.c\nUseSendfile on\n<Anonymous {root}>\n\
                 User {UNPRIVILEGED}\nGroup nogroup\nUserAlias anonymous {UNPRIVILEGED}\n\
                 RequireValidShell off\nAllowOverwrite on\n</Anonymous>\n"
            );
            vec!["--nodaemon".into(), "--quiet".into(), "-c".into(), write("proftpd", text)?]
        }
        Mechanism::PureFtpd => {
            let users = users(&scratch.join(format!("pure-{port}")), &root.to_string())?;
            let minutes = IDLE_SECONDS / 60;
            [
                "-L100000:5".to_owned(),
                format!("-S{ip},{port}"),
                format!("-p{first}:{last}"),
                format!("-lpuredb:{users}"),
                format!("-I{minutes}"),
                "-c10000".to_owned(),
                "-C10000".to_owned(),
            ]
            .into_iter()
            .chain(["-E", "-H", "-4"].map(str::to_owned))
            .collect()
        }
        _ => ["-m", "pyftpdlib", "-w"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("-i{ip}"), format!("-p{port}"), format!("-r{first}-{last}")])
            .chain([format!("-d{root}")])
            .collect(),
    };
    let libraries = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
    let libraries = libraries.map(|name| folder().join(name).display().to_string()).join(":");
    let environment =
        vec![("LD_LIBRARY_PATH", libraries), ("PYTHONPATH", python().display().to_string())];
    let program = program(kind.mechanism).flatten().unwrap_or_else(|| "python3".into());
    Ok(Start { program, arguments, environment })
}

/// Lets the unprivileged user of the servers read everything, and write uploads.
pub(super) fn open_up(root: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(root.join(UPLOADS))?;
    fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
    fs::set_permissions(root.join(UPLOADS), fs::Permissions::from_mode(0o777))
}

/// Pure-FTPd's database with the one user.
fn users(base: &Path, root: &str) -> io::Result<String> {
    let tool = found("usr/bin/pure-pw", "/usr/bin/pure-pw").unwrap_or_else(|| "pure-pw".into());
    let (list, database) = (base.with_extension("users"), base.with_extension("pdb"));
    let mut add = Command::new(tool);
    add.args(["useradd", GUEST.name, "-u", UNPRIVILEGED, "-d", root, "-m", "-f"]);
    add.arg(&list).arg("-F").arg(&database).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut add = add.spawn()?;
    let twice = format!("{0}\n{0}\n", GUEST.password);
    if let Some(mut stdin) = add.stdin.take() {
        io::Write::write_all(&mut stdin, twice.as_bytes())?;
    }
    let status = add.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("pure-pw failed: {status}")));
    }
    Ok(database.display().to_string())
}

/// Where its program is; `None` inside if nowhere. `None` outside for what is no installed one.
fn program(mechanism: Mechanism) -> Option<Option<PathBuf>> {
    let name = match mechanism {
        Mechanism::Vsftpd => "vsftpd",
        Mechanism::Proftpd => "proftpd",
        Mechanism::PureFtpd => "pure-ftpd",
        _ => return None,
    };
    Some(found(&format!("usr/sbin/{name}"), &format!("/usr/sbin/{name}")))
}

fn found(unpacked: &str, installed: &str) -> Option<PathBuf> {
    [folder().join(unpacked), installed.into()].into_iter().find(|path| path.is_file())
}

fn python() -> PathBuf {
    folder().join("python")
}

fn folder() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    env::var_os("FTP_PEERS").map_or_else(default, Into::into)
}
