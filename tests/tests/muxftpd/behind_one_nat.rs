//! What somebody behind the client's own address can do to its data connection where the TLS
//! session of the control connection is required.
//!
//! `what_it_takes` prints how many connections keep the rightful one out, which is the table of
//! docs/security.md:
//!
//! ```sh
//! cargo test -p mux-tests --test muxftpd what_it_takes -- --nocapture
//! ```

use std::thread;

use mux_tests::Security::Tls;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::python;
use mux_tests::{Endpoint, Server, Way, files};
use rstest::rstest;

use crate::launch;

/// Long enough that a transfer does not fit into the buffers of the kernel.
const LENGTH: usize = 3_000_000;

/// `served` says whether the rightful connection gets its file although `count` connections of a
/// `kind` come at the worst moment, `when`.
const SCRIPT: &str = "
import time
context = ssl.create_default_context(cafile=authority)
context.sslsocket_class = Noting
context.minimum_version = context.maximum_version = ssl.TLSVersion[arguments[0]]
def log_in():
    session = SameSession(context=context, timeout=20)
    session.connect(host, int(port))
    session.login()
    session.prot_p()
    session.voidcmd('TYPE I')
    return session
def by_hand(connection, tls_session):
    '''A handshake, of which the first words are returned as they were on the wire.'''
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host, session=tls_session)
    hello, done = b'', False
    while not done:
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        said = outgoing.read()
        hello = hello or said
        if said:
            connection.sendall(said)
        if not done:
            incoming.write(connection.recv(65536))
    return hello
def recorded(session):
    connection = socket.create_connection(session.makepasv(), timeout=20)
    assert session.sendcmd('RETR file')[:3] == '150'
    hello = by_hand(connection, session.sock.session)
    connection.close()
    try:
        session.getresp()
    except ftplib.error_temp:
        pass
    return hello
def fresh_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=host).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
session = log_in()
another = log_in()
words = {
    'silent': b'',
    'garbage': b'GET / HTTP/1.1\\r\\n' * 20,
    'no session': fresh_hello(),
    'other session': recorded(another),
}
def anew():
    global session
    session = log_in()
    words['replayed'] = recorded(session)
    words['half a hello'] = words['replayed'][:len(words['replayed']) // 2]
anew()
def served(kind, when, count):
    to = session.makepasv()
    others = []
    def strike():
        for _ in range(count):
            try:
                others.append(socket.create_connection(to, timeout=20))
                others[-1].sendall(words[kind])
            except OSError:
                pass  # It was reset.
        # Until the server has seen them.
        time.sleep(float(arguments[1]))
    def command():
        assert session.sendcmd('RETR file')[:3] == '150'
    def connect():
        return context.wrap_socket(
            socket.create_connection(to, timeout=20), server_hostname=host,
            session=session.sock.session, do_handshake_on_connect=False)
    try:
        if when == 'before it':
            strike()
            own = connect()
            command()
        elif when == 'before it, after 150':
            command()
            strike()
            own = connect()
        elif when == 'while it is silent':
            own = connect()
            strike()
            command()
        elif when == 'while it is silent, after 150':
            own = connect()
            command()
            strike()
        elif when == 'in its handshake':
            own = connect()
            own.settimeout(0)
            try:
                own.do_handshake()
            except ssl.SSLWantReadError:
                pass
            own.settimeout(20)
            time.sleep(float(arguments[1]))
            strike()
            own.do_handshake()
            command()
        elif when == 'after its handshake':
            own = connect()
            own.do_handshake()
            strike()
            command()
        own.do_handshake()
        assert own.session_reused
        length = 0
        while piece := own.recv(65536):
            length += len(piece)
        own.close()
        assert length == int(arguments[2]), length
        assert session.voidresp()[:3] == '226'
        return True
    except (OSError, EOFError, ftplib.Error, AssertionError) as error:
        if arguments[3] == 'tell':
            print('lost:', kind, when, count, repr(error), file=sys.stderr)
        session.close()
        anew()
        return False
    finally:
        for other in others:
            other.close()
moments = arguments[4:]
";

/// When the others come.
const MOMENTS: [&str; 6] = [
    "before it",
    "before it, after 150",
    "while it is silent",
    "while it is silent, after 150",
    "in its handshake",
    "after its handshake",
];

fn server() -> Server {
    let server = launch().security(Tls).flag("--tls-session-required").start();
    server.put("file", &files::content("file", LENGTH));
    server
}

fn run(server: &Server, version: &str, settle: &str, tell: &str, script: &str) -> String {
    let to = Endpoint::new(server, Way::Ipv4Pasv, Tls);
    let script = format!("{SCRIPT}{script}");
    let length = LENGTH.to_string();
    python(&to, &script, &[&[version, settle, &length, tell][..], &MOMENTS].concat()).text()
}

/// The rightful connection is served whatever comes before it, between its connection and its
/// hello, in its handshake and after it, before the transfer command and after it.
#[rstest]
fn the_rightful_connection_is_served(
    #[values("TLSv1_2", "TLSv1_3")] version: &str,
    #[values("silent", "half a hello", "garbage", "no session", "other session")] kind: &str,
) {
    needs!(Tool::Python);
    let script = format!(
        "
for count in [1, 16, 40]:
    for when in moments:
        assert served('{kind}', when, count), (when, count)
print('done')
"
    );
    assert_eq!(run(&server(), version, "0.02", "tell", &script), "done\n");
}

/// Who has seen its hello on the wire and says it again is let into the handshake, as its name is
/// good, and gets no further. A few of those keep nobody out either.
#[rstest]
fn a_replayed_hello_is_worth_a_place_and_nothing_else(
    #[values("TLSv1_2", "TLSv1_3")] version: &str,
) {
    needs!(Tool::Python);
    let script = "
for count in [1, 15]:
    for when in moments:
        assert served('replayed', when, count), (when, count)
print('done')
";
    assert_eq!(run(&server(), version, "0.02", "tell", script), "done\n");
}

/// How many connections it takes to keep the rightful one out.
#[test]
fn what_it_takes() {
    needs!(Tool::Python);
    let kinds = [
        ("silent", ["none", "none", "64", "64", "none", "none"]),
        ("half a hello", ["none", "none", "64", "64", "none", "none"]),
        ("replayed", ["none", "none", "none", "none", "16", "none"]),
        ("garbage", ["none"; 6]),
        ("no session", ["none"; 6]),
        ("other session", ["none"; 6]),
    ];
    // All kinds at the same time, each with a server of its own.
    let found: Vec<Vec<String>> = thread::scope(|scope| {
        let tried = kinds.map(|(kind, _)| scope.spawn(move || fewest_by_moment(kind)));
        tried.into_iter().map(|kind| kind.join().expect("a script that ends")).collect()
    });
    println!("| who comes | {} |", MOMENTS.join(" | "));
    for ((kind, _), cells) in kinds.iter().zip(&found) {
        println!("| {kind} | {} |", cells.join(" | "));
    }
    for ((kind, wanted), cells) in kinds.iter().zip(&found) {
        // On a busy machine some come too late to count, so it may take more.
        let number = |cell: &str| cell.parse().unwrap_or(u32::MAX);
        let enough = cells.iter().zip(wanted).all(|(cell, least)| number(cell) >= number(least));
        assert!(enough && cells.len() == wanted.len(), "{kind}: {cells:?} and not {wanted:?}");
    }
}

/// How many of a kind keep the rightful one out, or `none`, for each of [`MOMENTS`].
fn fewest_by_moment(kind: &str) -> Vec<String> {
    let script = format!(
        "
ladder = [1, 15, 16, 63, 64, 200]
for when in moments:
    lost = [count for count in ladder if not served('{kind}', when, count)]
    print(lost[0] if lost else 'none')
"
    );
    let cells = run(&server(), "TLSv1_3", "0.15", "quiet", &script);
    cells.lines().map(str::to_owned).collect()
}
