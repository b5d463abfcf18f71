//! Python, for its ftplib.

use std::process::{Child, Command};

use super::{Finished, start};
use crate::client::Passive;
use crate::way::Endpoint;

/// Opens `session`, logged in, to the endpoint that the arguments name. ftplib chooses between
/// PASV and EPSV by the family it believes to speak.
const SESSION: &str = "
import ftplib, io, os, socket, ssl, sys, threading
host, port, passive, authority = sys.argv[1:5]
arguments = sys.argv[5:]
class Noting(ssl.SSLSocket):
    '''Notes connections that end without a word of TLS, where ftplib would raise.'''
    cut_off = 0
    def unwrap(self):
        try:
            return super().unwrap()
        except ssl.SSLEOFError:
            Noting.cut_off += 1
class SameSession(ftplib.FTP_TLS):
    '''Resumes the TLS session of the control connection on data connections.'''
    resumed = []
    def ntransfercmd(self, command, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, command, rest)
        if self._prot_p:
            connection = self.context.wrap_socket(
                connection, server_hostname=self.host, session=self.sock.session)
            self.resumed.append(connection.session_reused)
        return connection, size
def login():
    if authority:
        context = ssl.create_default_context(cafile=authority)
        context.sslsocket_class = Noting
        session = SameSession(context=context, timeout=60)
    else:
        session = ftplib.FTP(timeout=60)
    session.connect(host, int(port))
    if authority:
        session.auth()
    session.login()
    if authority:
        session.prot_p()
    session.af = socket.AF_INET6 if passive == 'EPSV' else socket.AF_INET
    return session
session = login()
";

/// Runs a Python program that finds `session`, a session at the server, and its `arguments`.
///
/// # Panics
///
/// When `python3` is missing or hangs.
#[must_use]
#[track_caller]
pub fn python(to: &Endpoint, program: &str, arguments: &[&str]) -> Finished {
    super::run(&mut command(to, program, arguments), b"")
}

/// Starts such a program, its streams piped.
///
/// # Panics
///
/// When `python3` is missing.
#[must_use]
#[track_caller]
pub fn start_python(to: &Endpoint, program: &str, arguments: &[&str]) -> Child {
    start(&mut command(to, program, arguments))
}

fn command(to: &Endpoint, program: &str, arguments: &[&str]) -> Command {
    let mut python = Command::new("python3");
    // Isolated: neither the user's modules nor variables.
    python.args(["-I", "-c", &format!("{SESSION}{program}")]);
    python.args([&to.control.ip().to_string(), &to.control.port().to_string()]);
    python.arg(Passive::command(to.passive)).arg(to.authority().unwrap_or_default());
    python.args(arguments);
    python
}
