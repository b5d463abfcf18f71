//! TLS beyond what every client does with it: whom a server insists on, and what it must not
//! lose. Transfers over TLS are in the file of each client.

use std::fs;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::Tls;
use mux_tests::Way::{Ipv4Epsv, Ipv4Pasv};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::{curl, python};
use mux_tests::{Endpoint, Launch, Ports, Server, files};
use rstest::rstest;

use crate::{LENGTH, server};

fn insists_on(option: &str, program: Program) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(3)).security(Tls).flag("--writable");
    let server = launch.flag(option).option("--reservation-ttl", "3s").start();
    server.put("down", &files::content("down", LENGTH));
    server
}

/// curl closes without having read what it did not ask for. Were that a ticket for the next TLS
/// session, the kernel would reset the connection, and the last bytes might be lost.
#[rstest]
fn small_uploads_with_nothing_read(#[values(Muxftpd)] program: Program) {
    needs!(program, Tool::Curl);
    const FILES: usize = 40;
    let server = server(program, Tls);
    let to = Endpoint::new(&server, Ipv4Epsv, Tls);
    let local = tempfile::tempdir().unwrap();
    let mut arguments = Vec::new();
    for n in 0..FILES {
        let path = local.path().join(format!("up-{n}"));
        fs::write(&path, files::content("up", n / 2)).unwrap();
        arguments.extend(["--upload-file".to_owned(), path.to_str().unwrap().to_owned()]);
        arguments.push(to.url(""));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _ = curl(&to, &[&["--fail-early"], &arguments[..]].concat(), b"").succeeded();
    for n in 0..FILES {
        crate::has_arrived(&server, &format!("up-{n}"), "up", n / 2);
    }
}

/// Data connections may be plain again, and protected again.
#[rstest]
fn protection_on_and_off(#[values(Muxftpd)] program: Program) {
    needs!(program, Tool::Python);
    let server = server(program, Tls);
    let script = "
for round in range(3):
    for protect in session.prot_c, session.prot_p:
        protect()
        pieces = []
        session.retrbinary('RETR down', pieces.append)
        assert len(b''.join(pieces)) == 300000
        session.storbinary('STOR up', io.BytesIO(b''.join(pieces)))
session.quit()
";
    let _ = python(&Endpoint::new(&server, Ipv4Pasv, Tls), script, &[]).text();
    crate::has_arrived(&server, "up", "down", LENGTH);
}

/// The end of a protected data connection is said in TLS, so that nobody on the path can make a
/// client believe that it was the end.
#[rstest]
fn the_end_of_a_data_connection_is_said(#[values(Muxftpd)] program: Program) {
    needs!(program, Tool::Python);
    let launch = Launch::new(program, &Ports::consecutive(9)).security(Tls);
    let server = launch.flag("--writable").start();
    server.put("down", &files::content("down", LENGTH));
    let script = "
pieces = []
session.retrbinary('RETR down', pieces.append)
assert Noting.cut_off == 0
session.storbinary('STOR up', io.BytesIO(b''.join(pieces)))
print(Noting.cut_off)
";
    let said = python(&Endpoint::new(&server, Ipv4Pasv, Tls), script, &[]).text();
    assert_eq!(said.trim_end(), "0", "{said}");
    crate::has_arrived(&server, "up", "down", LENGTH);
}

/// muxftpd has tests of its own for this option, next to its other ones.
#[rstest]
fn who_requires_tls_takes_nothing_else(#[values(Muxftpd)] program: Program) {
    needs!(program, Tool::Python);
    let server = insists_on("--tls-required", program);
    let script = "
plain = ftplib.FTP(timeout=60)
plain.connect(host, int(port))
try:
    plain.login()
    assert False, 'a login in the clear'
except ftplib.error_perm as error:
    assert str(error).startswith('530'), error
try:
    session.prot_c()
    assert False, 'a plain data connection'
except ftplib.error_perm as error:
    assert str(error).startswith('534'), error
unprotected = ftplib.FTP_TLS(context=session.context, timeout=60)
unprotected.connect(host, int(port))
unprotected.login()
try:
    unprotected.nlst()
    assert False, 'a listing in the clear'
except ftplib.error_perm as error:
    assert str(error).startswith('521'), error
assert session.nlst() == ['down']
";
    let _ = python(&Endpoint::new(&server, Ipv4Epsv, Tls), script, &[]).text();
}

/// With `--tls-session-required`, a data connection must resume the TLS session of its control
/// connection: with tickets and without, with TLS 1.3 and before.
#[rstest]
fn the_control_connection_s_session_is_resumed(
    #[values(Muxftpd)] program: Program,
    #[values("TLSv1_2", "TLSv1_3")] version: &str,
    #[values("tickets", "no tickets")] tickets: &str,
) {
    needs!(program, Tool::Python);
    let server = insists_on("--tls-session-required", program);
    let script = "
version, tickets = arguments
def login(kind):
    context = ssl.create_default_context(cafile=authority)
    context.sslsocket_class = Noting
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    if tickets == 'no tickets' and version == 'TLSv1_2':
        context.options |= ssl.OP_NO_TICKET
    session = kind(context=context, timeout=60)
    session.connect(host, int(port))
    session.login()
    session.prot_p()
    return session
session = login(SameSession)
for round in range(3):
    pieces = []
    session.retrbinary('RETR down', pieces.append)
    session.storbinary('STOR up', io.BytesIO(b''.join(pieces)))
    assert session.nlst() == ['down', 'up']
assert session.resumed == [True] * 9, session.resumed

another = login(ftplib.FTP_TLS)
try:
    another.nlst()
    assert False, 'a TLS session that is not resumed'
except (ftplib.error_temp, ConnectionError, ssl.SSLError) as error:
    print('new session:', error)

# Somebody else at the same address, who is logged in as well, and comes first.
thief = login(SameSession)
thief.nlst()
session.voidcmd('TYPE I')  # nlst has left TYPE A
to = session.makepasv()
stolen = socket.create_connection(to, timeout=60)
assert session.sendcmd('RETR down').startswith('150')
try:
    protected = thief.context.wrap_socket(
        stolen, server_hostname=host, session=thief.sock.session)
    assert not protected.recv(1), 'bytes of another session'
    print('thief: nothing')
except (ConnectionError, ssl.SSLError) as error:
    print('thief:', error)
own = session.context.wrap_socket(
    socket.create_connection(to, timeout=60), server_hostname=host, session=session.sock.session)
length = 0
while piece := own.recv(65536):
    length += len(piece)
assert length == 300000, length
assert session.voidresp().startswith('226')
session.quit()
";
    let to = Endpoint::new(&server, Ipv4Pasv, Tls);
    let said = python(&to, script, &[version, tickets]).text();
    assert!(said.contains("new session: ") && said.contains("thief: "), "{said}");
    crate::has_arrived(&server, "up", "down", LENGTH);
}
