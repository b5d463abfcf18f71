//! Data connections that resume the TLS session of their control connection.

use mux_tests::Security::Tls;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::{curl, python};
use mux_tests::{Endpoint, Way, files};
use rstest::rstest;

use crate::{launch, metrics};

/// Logs in with a version of TLS, and downloads over data connections that resume or do not.
const RESUMING: &str = "
version, resumes = arguments
context = ssl.create_default_context(cafile=authority)
context.maximum_version = context.minimum_version = ssl.TLSVersion[version]
kind = SameSession if resumes == 'resumes' else ftplib.FTP_TLS
again = kind(context=context, timeout=60)
again.connect(host, int(port))
again.login()
again.prot_p()
for round in range(5):
    whole = []
    again.retrbinary('RETR file', whole.append)
    assert len(b''.join(whole)) == 10000
assert all(SameSession.resumed), SameSession.resumed
print(len(SameSession.resumed))
";

#[rstest]
fn a_client_that_resumes_is_let(
    #[values("TLSv1_2", "TLSv1_3")] version: &str,
    #[values(false, true)] required: bool,
) {
    needs!(Tool::Python);
    let launch = launch().security(Tls);
    let server = if required { launch.flag("--tls-session-required") } else { launch }.start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    assert_eq!(python(&to, RESUMING, &[version, "resumes"]).text(), "5\n");
}

#[rstest]
fn a_client_that_does_not_is_turned_away_where_that_is_required(
    #[values("TLSv1_2", "TLSv1_3")] version: &str,
) {
    needs!(Tool::Python);
    let server = launch().security(Tls).start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    assert_eq!(python(&to, RESUMING, &[version, "does not"]).text(), "0\n");

    let server = launch().security(Tls).flag("--tls-session-required").start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    let finished = python(&to, RESUMING, &[version, "does not"]);
    assert!(!finished.status.success(), "{finished:?}");
    // It is cut off in the handshake or after it, or reads the reply.
    let seen = ["ssl.SSL", "ConnectionReset", "BrokenPipe", "522"];
    assert!(seen.iter().any(|why| finished.stderr.contains(why)), "{finished:?}");
}

/// curl resumes by itself.
#[test]
fn curl_resumes() {
    needs!(Tool::Curl);
    let server = launch().security(Tls).flag("--tls-session-required").start();
    server.put("file", &files::content("file", 10_000));
    for way in [Way::Ipv4Pasv, Way::Ipv4Epsv] {
        let to = Endpoint::new(&server, way, Tls);
        let bytes = curl(&to, &[&to.url("file"), &to.url("file")], b"").succeeded();
        assert_eq!(bytes.len(), 20_000);
    }
}

/// Over TLS 1.3 most clients use a ticket once: each download brings the next one.
#[test]
fn every_download_of_a_session_is_resumed() {
    needs!(Tool::Curl);
    let server = launch().security(Tls).option("--metrics", "127.0.0.1:0").start();
    server.put("file", &files::content("file", 10_000));
    let to = Endpoint::new(&server, Way::Ipv4Epsv, Tls);
    let files = vec![to.url("file"); 6];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(curl(&to, &files, b"").succeeded().len(), 60_000);
    let resumed = "muxftpd_tls_handshakes_total{connection=\"data\",result=\"resumed\"}";
    metrics::become_(&server, &[(resumed, 6)]);
}

/// Many clients that upload read nothing, and close with what they were sent still unread: then
/// their kernel resets the connection. No ticket may wait there, also where tickets are required.
#[rstest]
fn an_upload_with_nothing_read_is_whole(
    #[values("TLSv1_2", "TLSv1_3")] version: &str,
    #[values(false, true)] required: bool,
) {
    needs!(Tool::Python);
    let launch = launch().security(Tls).flag("--writable");
    let server = if required { launch.flag("--tls-session-required") } else { launch }.start();
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    let script = "
version, = arguments
context = ssl.create_default_context(cafile=authority)
context.maximum_version = context.minimum_version = ssl.TLSVersion[version]
again = SameSession(context=context, timeout=60)
again.connect(host, int(port))
again.login()
again.prot_p()
again.voidcmd('TYPE I')
for round in range(12):
    connection, _ = again.ntransfercmd('STOR up' + str(round))
    connection.sendall(bytes(1_000_003))
    connection.close()
    assert again.getresp()[:3] == '226'
    assert again.size('up' + str(round)) == 1_000_003
print('done')
";
    assert_eq!(python(&to, script, &[version]).text(), "done\n");
}
