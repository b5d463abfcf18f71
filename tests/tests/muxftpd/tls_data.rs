//! TLS on data connections, command by command, and from the first byte of a session on.

use mux_tests::Security::Tls;
use mux_tests::needs;
use mux_tests::tools::{Tool, python};
use mux_tests::{Client, Data, Endpoint, Way, address, files};

use crate::launch;

/// What each command of RFC 2228 and RFC 4217 is answered.
#[test]
fn the_commands_have_their_codes() {
    needs!(Tool::Python);
    let server = launch().security(Tls).start();
    let mut session = Client::connect(address::client(1), server.control()).unwrap();
    for (command, code) in [
        ("PBSZ 0", 503),
        ("PROT P", 503),
        ("AUTH XYZZY", 504),
        ("AUTH", 501),
        ("CCC", 533),
        ("NOOP", 200),
    ] {
        session.expect(command, code);
    }
    // What was sent ahead in the clear must not count as said in private.
    session.send_part("AUTH TLS\r\nUSER anonymous\r\n").unwrap();
    session.expect_reply(503);
    session.expect_reply(331);

    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    let script = "
again = ftplib.FTP_TLS(context=session.context, timeout=60)
again.connect(host, int(port))
again.sendcmd('USER anonymous')
again.sendcmd('PASS x')
again.auth()
def code(command):
    again.putcmd(command)
    try:
        return again.getresp()[:3]
    except ftplib.Error as error:
        return str(error)[:3]
for command, wanted in [
    # Who has logged in before, in the clear, is nobody now (RFC 4217, section 4).
    ('PWD', '530'), ('AUTH TLS', '503'), ('PROT P', '503'), ('PBSZ x', '501'), ('PBSZ 1000', '200'),
    ('PROT S', '536'), ('PROT E', '536'), ('PROT X', '504'), ('PROT C', '200'),
    ('prot p', '200'), ('CCC', '534'), ('USER anonymous', '331'), ('PASS x', '230'),
    ('REIN', '220'),
]:
    assert code(command) == wanted, (command, wanted)
# The session goes on, and in the clear (RFC 4217, section 11).
again.sock = again.sock.unwrap()
again.file = again.sock.makefile('r')
for command, wanted in [('PWD', '530'), ('PROT P', '503'), ('USER anonymous', '331'),
                        ('PASS x', '230'), ('QUIT', '221')]:
    assert code(command) == wanted, (command, wanted)
print('done')
";
    assert_eq!(python(&to, script, &[]).text(), "done\n");
}

/// A client that begins TLS at once reads the reply, and no reset before it.
#[test]
fn a_refused_transfer_is_answered_before_its_connection_ends() {
    needs!(Tool::Python);
    let server = launch().security(Tls).start();
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    let script = "
import select, time
for attempt in range(20):
    connection = socket.create_connection(session.makepasv())
    hello = ssl.MemoryBIO()
    tls = session.context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname=host)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    connection.sendall(hello.read())
    session.putcmd('RETR missing')
    ready, _, _ = select.select([session.sock, connection], [], [], 60)
    assert session.sock in ready and connection not in ready, ready
    try:
        session.getresp()
    except ftplib.error_perm as error:
        assert str(error)[:3] == '550', error
    connection.close()
assert session.sendcmd('NOOP')[:3] == '200'
print('done')
";
    assert_eq!(python(&to, script, &[]).text(), "done\n");
}

/// Many clients do not end TLS before they close. Where that is asked for, they must.
#[test]
fn an_upload_without_the_end_of_tls() {
    needs!(Tool::Python);
    for (insists, wanted) in [(false, "226"), (true, "426")] {
        let launch = launch().security(Tls).flag("--writable");
        let server = if insists { launch.flag("--tls-close-required") } else { launch }.start();
        let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
        let script = "
connection = session.transfercmd('STOR up')
connection.sendall(b'x' * 1000)
connection.shutdown(socket.SHUT_WR)
try:
    print(session.getresp()[:3])
except ftplib.error_temp as error:
    print(str(error)[:3])
session.storbinary('STOR whole', io.BytesIO(b'x' * 1000))
assert session.sendcmd('NOOP')[:3] == '200'
";
        assert_eq!(python(&to, script, &[]).text(), format!("{wanted}\n"));
    }
}

/// Implicit TLS: nothing is said in the clear.
#[test]
fn tls_from_the_first_byte_on() {
    needs!(Tool::Python);
    let server = launch().security(Tls).option("--tls-listen", "127.0.0.1:0").start();
    server.put("file", &files::content("file", 10_000));
    let said = server.said();
    let mut control = said.lines().filter_map(|line| line.trim().strip_prefix("control "));
    let implicit = control.next_back().unwrap().split_whitespace().next().unwrap();
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    let script = "
import re
there, at = arguments[0].rsplit(':', 1)
class Implicit(ftplib.FTP_TLS):
    def connect(self, host, port):
        self.host = host
        self.sock = self.context.wrap_socket(
            socket.create_connection((host, port), timeout=60), server_hostname=host)
        self.af = socket.AF_INET
        self.file = self.sock.makefile('r')
        return self.getresp()
again = Implicit(context=session.context, timeout=60)
assert again.connect(there, int(at))[:3] == '220'
again.sendcmd('USER anonymous')
again.sendcmd('PASS x')
# Data connections are protected unless the client says otherwise.
again._prot_p = True
got = []
again.retrbinary('RETR file', got.append)
assert len(b''.join(got)) == 10000
again.prot_c()
got = []
again.retrbinary('RETR file', got.append)
assert len(b''.join(got)) == 10000
again.quit()
print('done')
";
    assert_eq!(python(&to, script, &[implicit]).text(), "done\n");
}

/// A reader with a small window goes on for many times the timeout, however little that is at a
/// time. `TCP_USER_TIMEOUT` would cut it.
#[test]
fn a_reader_with_a_small_window_is_not_cut() {
    let server = launch().option("--stall-timeout", "2s").start();
    server.put("big", &files::content("big", 12 << 20));
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    let mut slow = Data::connect_with_window(session.source(), port, 4096).unwrap();
    session.expect("RETR big", 150);
    for _ in 0..80 {
        assert_eq!(slow.read_some(400).unwrap().len(), 400);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(session.is_silent(), "it is not over after four times the stall timeout");
}

/// A slow reader is served, one that has stopped is not: what counts is what is acknowledged.
#[test]
fn a_slow_reader_is_not_cut_and_a_stalled_one_is() {
    const BIG: usize = 12 << 20;
    let server = launch().option("--stall-timeout", "2s").start();
    server.put("big", &files::content("big", BIG));
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    let mut slow = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    let mut bytes = Vec::new();
    for _ in 0..40 {
        bytes.extend(slow.read_some(20_000).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(session.is_silent(), "it is not over after four times the stall timeout");
    bytes.extend(slow.read_to_end().unwrap());
    session.expect_reply(226);
    files::assert_own("big", BIG, &bytes);

    let port = session.pasv();
    let _stalled = Data::connect_narrow(session.source(), port).unwrap();
    session.expect("RETR big", 150);
    session.expect_reply(426);
    session.expect("NOOP", 200);
}
