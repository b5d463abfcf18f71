//! SIGTERM, and sessions in TLS: nothing in plain text comes into their stream.

use std::io::{BufRead, BufReader, Write};

use mux_tests::Security::Tls;
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::start_python;
use mux_tests::{Endpoint, Way, files};
use nix::sys::signal::Signal;

use crate::launch;

/// More than the buffers of both ends hold.
const BIG: usize = 24 << 20;

#[test]
fn a_transfer_finishes_and_idle_sessions_end_in_order() {
    needs!(Tool::Python);
    let mut server = launch().security(Tls).option("--drain-timeout", "300s").start();
    server.put("big", &files::content("big", BIG));
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Tls);
    // One session begins a transfer and goes on when it is told to; another does nothing.
    let script = "
idle = login()
session.voidcmd('TYPE I')
data = session.transfercmd('RETR big')
got = [data.recv(1000)]
print('begun', flush=True)
sys.stdin.readline()
while bytes := data.recv(1 << 20):
    got.append(bytes)
data.unwrap()
print(len(b''.join(got)), session.voidresp()[:3], flush=True)
for left in [idle, session]:
    try:
        # Whatever is said must be said within TLS: anything else is an ssl.SSLError.
        print(left.getresp())
    except ftplib.error_temp as error:
        print(str(error)[:3])
    except EOFError:
        print('closed')
    except ssl.SSLError as error:
        print('closed' if 'EOF' in str(error) else error)
";
    let mut python = start_python(&to, script, &[]);
    let mut said = BufReader::new(python.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(said.next().as_deref(), Some("begun"));
    server.signal(Signal::SIGTERM);
    server.settle();
    assert!(server.runs(), "a transfer is not finished");
    python.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let said: Vec<String> = said.collect();
    let end = python.wait_with_output().unwrap();
    assert_eq!(said.first(), Some(&format!("{BIG} 226")), "{said:?} {end:?}");
    assert_eq!(said.len(), 3, "{said:?} {end:?}");
    for ended in &said[1..] {
        assert!(["421", "closed"].contains(&ended.as_str()), "{said:?}");
    }
    assert_eq!(server.wait().code(), Some(0));
}
