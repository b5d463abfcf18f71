//! More transfers of one client address at once than there are ports: those that come too late
//! wait in line, and all succeed.

use std::fs;
use std::thread;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Epsv, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::{curl, lftp, python};
use mux_tests::{Endpoint, Launch, Ports, Server, files};
use rstest::rstest;

use crate::has_arrived;

const AT_ONCE: usize = 12;
const LENGTH: usize = 100_000;

/// Three ports for twelve, with a wait that no machine is too slow for.
fn server(program: Program, security: Security) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(3)).and_ipv6();
    let launch = launch.security(security).flag("--writable");
    let server = launch.option("--wait", "50s").start();
    for n in 0..AT_ONCE {
        let name = format!("down-{n}");
        server.put(&name, &files::content(&name, LENGTH));
    }
    server
}

#[rstest]
fn curls(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Curl);
    let server = server(program, security);
    let to = &Endpoint::new(&server, way, security);
    thread::scope(|scope| {
        for n in 0..AT_ONCE {
            scope.spawn(move || {
                let (down, up) = (format!("down-{n}"), format!("up-{n}"));
                let bytes = curl(to, &[&to.url(&down)], b"").succeeded();
                files::assert_own(&down, LENGTH, &bytes);
                let put = ["--upload-file", "-", &to.url(&up)];
                let _ = curl(to, &put, &files::content(&up, LENGTH)).succeeded();
            });
        }
    });
    for n in 0..AT_ONCE {
        let up = format!("up-{n}");
        has_arrived(&server, &up, &up, LENGTH);
    }
}

/// Twelve sessions in threads of one program, let go together, again and again.
#[rstest]
fn ftplib_sessions(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Python);
    let script = "
threads, rounds = map(int, arguments)
together = threading.Barrier(threads)
done = []
def work(n):
    session = login()
    for round in range(rounds):
        together.wait()
        bytes = []
        session.retrbinary(f'RETR down-{n}', bytes.append)
        bytes = b''.join(bytes)
        assert bytes.startswith(f'down-{n} '.encode()) and len(bytes) == 100000, bytes[:64]
        together.wait()
        session.storbinary(f'STOR up-{n}', io.BytesIO(bytes))
    session.quit()
    done.append(n)
workers = [threading.Thread(target=work, args=[n]) for n in range(threads)]
for worker in workers: worker.start()
for worker in workers: worker.join()
assert len(done) == threads, done
";
    let server = server(program, security);
    let to = Endpoint::new(&server, way, security);
    let _ = python(&to, script, &[&AT_ONCE.to_string(), "5"]).text();
    for n in 0..AT_ONCE {
        has_arrived(&server, &format!("up-{n}"), &format!("down-{n}"), LENGTH);
    }
}

/// One file in twelve pieces at once, each from its own offset.
#[rstest]
fn pieces_of_one_file_with_lftp(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Lftp);
    const LENGTH: usize = 4 << 20;
    let server = server(program, security);
    server.put("large", &files::content("large", LENGTH));
    let to = Endpoint::new(&server, way, security);
    let local = tempfile::tempdir().unwrap();
    let path = local.path().join("large");
    let script = format!("pget -n {AT_ONCE} large -o {}", path.display());
    let _ = lftp(&to, &script).succeeded();
    files::assert_own("large", LENGTH, &fs::read(path).unwrap());
}
