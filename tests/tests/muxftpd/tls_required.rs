//! TLS, and doing without it where it is required.

use std::fs;

use mux_tests::Security::{Plain, Tls};
use mux_tests::certificate::Certificate;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::{curl, python};
use mux_tests::{Client, Endpoint, Way, address, files};
use rstest::rstest;

use crate::launch;

#[test]
fn a_plain_login_is_refused() {
    needs!(Tool::Curl);
    let server = launch().security(Tls).flag("--tls-required").start();
    let mut client = Client::connect(address::client(1), server.control()).unwrap();
    client.expect("USER anonymous", 530);
    client.expect("PASS guest", 530);
    client.expect("PASV", 530);
    client.expect("EPSV", 530);
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    files::assert_own("file", 10_000, &curl(&to, &[&to.url("file")], b"").succeeded());
    let plain = Endpoint::new(&server, Way::Ipv4Pasv, Plain);
    assert!(!curl(&plain, &[&plain.url("file")], b"").status.success());
}

#[rstest]
fn a_plain_data_connection_is_refused(#[values(Way::Ipv4Pasv, Way::Ipv4Epsv)] way: Way) {
    needs!(way, Tool::Python);
    let server = launch().security(Tls).flag("--tls-required").flag("--writable").start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, way, Tls);
    let script = "
session.retrbinary('RETR file', lambda bytes: None)
try:
    session.prot_c()
except ftplib.error_perm as error:
    assert str(error)[:3] == '534', error
else:
    assert False, 'PROT C was let through'
context = session.context
session = ftplib.FTP_TLS(context=context, timeout=60)
session.connect(host, int(port))
session.login()
def refused(transfer):
    got = []
    try:
        transfer(got)
    except ftplib.error_perm as error:
        assert str(error)[:3] == '521', error
    else:
        assert False, 'it was let through'
    assert got == [], got
refused(lambda got: session.retrbinary('RETR file', got.append))
refused(lambda got: session.retrlines('LIST', got.append))
refused(lambda got: session.retrlines('NLST', got.append))
refused(lambda got: session.retrlines('MLSD', got.append))
refused(lambda got: session.storbinary('STOR up', io.BytesIO(b'x')))
session.prot_p()
whole = []
session.retrbinary('RETR file', whole.append)
assert len(b''.join(whole)) == 10000
print('done')
";
    assert_eq!(python(&to, script, &[]).text(), "done\n");
    assert!(!server.root().join("up").exists());
}

#[test]
fn where_it_is_offered_both_are_served() {
    needs!(Tool::Curl);
    let server = launch().security(Tls).start();
    server.put("file", &files::content("file", 10_000));
    for security in [Plain, Tls] {
        for way in [Way::Ipv4Pasv, Way::Ipv4Epsv] {
            let to = Endpoint::new(&server, way, security);
            files::assert_own("file", 10_000, &curl(&to, &[&to.url("file")], b"").succeeded());
        }
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let one = Certificate::in_directory(directory.path());
    let other = directory.path().join("other");
    fs::create_dir(&other).unwrap();
    let other = Certificate::in_directory(&other);
    let text = directory.path().join("text");
    fs::write(&text, "no PEM").unwrap();
    let missing = directory.path().join("missing");
    for (certificate, key, named) in [
        (&one.certificate, &other.key, "is not that of the certificate in"),
        (&one.certificate, &text, "there is no private key in"),
        (&text, &one.key, "there is no certificate in"),
        (&one.certificate, &missing, "cannot read the key"),
        (&missing, &one.key, "cannot read the certificate"),
        (&one.certificate, &one.certificate, "there is no private key in"),
    ] {
        let launch = launch().option("--tls-cert", certificate.to_str().unwrap());
        let failure = launch.option("--tls-key", key.to_str().unwrap()).fail();
        assert_eq!(failure.status.code(), Some(1));
        assert!(failure.stderr.contains(named), "{named}: {}", failure.stderr);
        let lines = failure.stderr.lines().filter(|line| line.starts_with("muxftpd:"));
        assert_eq!(lines.count(), 1, "{}", failure.stderr);
    }
}

/// Nobody but the client notices, and it is told.
#[test]
fn a_broken_handshake_is_nobody_elses_trouble() {
    needs!(Tool::Curl, Tool::Python);
    let server = launch().security(Tls).start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Epsv, Tls);
    let script = "
data = session.makepasv()
connection = socket.create_connection(data)
session.sendcmd('RETR file')
connection.sendall(b'this is no handshake')
try:
    connection.recv(100)
except ConnectionResetError:
    pass
connection.close()
try:
    session.getresp()
except ftplib.error_perm as error:
    assert str(error)[:3] == '522', error
assert session.sendcmd('NOOP')[:3] == '200'
print('done')
";
    assert_eq!(python(&to, script, &[]).text(), "done\n");
    files::assert_own("file", 10_000, &curl(&to, &[&to.url("file")], b"").succeeded());
    assert!(!server.said().contains("panic"), "{}", server.said());
}
