//! Python's ftplib.

use std::fs;

use mux_tests::Program::{self, Muxftpd};
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Epsv, Ipv4Pasv, Ipv6Epsv};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::tools::python;
use mux_tests::{Endpoint, files};
use rstest::rstest;

use crate::{LENGTH, has_arrived, server};

#[rstest]
fn does_it_all(
    #[values(Muxftpd)] program: Program,
    #[values(Ipv4Pasv, Ipv4Epsv, Ipv6Epsv)] way: Way,
    #[values(Plain, Tls)] security: Security,
) {
    needs!(program, way, Tool::Python);
    let script = "
down, inside = arguments
assert sorted(session.nlst()) == ['directory', 'down', 'empty'], session.nlst()
lines = []
session.retrlines('LIST', lines.append)
assert any(line.endswith(' down') for line in lines), lines
for round in range(3):
    with open(down, 'wb') as file:
        session.retrbinary('RETR down', file.write)
    with open(down, 'rb') as file:
        session.storbinary(f'STOR up', file)
rest = []
session.retrbinary('RETR down', rest.append, rest=100000)
with open(down, 'rb') as file:
    file.seek(100000)
    assert b''.join(rest) == file.read()
nothing = []
session.retrbinary('RETR empty', nothing.append)
assert nothing == [], nothing
session.storbinary('STOR nothing', io.BytesIO())
try:
    session.retrbinary('RETR missing', nothing.append)
    assert False, 'a file that is not there'
except ftplib.error_perm as error:
    assert str(error).startswith('550'), error
session.cwd('directory')
with open(inside, 'wb') as file:
    session.retrbinary('RETR inside', file.write)
session.cwd('/')
assert Noting.cut_off == 0, Noting.cut_off
print(session.quit())
";
    let server = server(program, security);
    let local = tempfile::tempdir().unwrap();
    let [down, inside] = ["down", "inside"].map(|name| local.path().join(name));
    let to = Endpoint::new(&server, way, security);
    let arguments = [down.to_str().unwrap(), inside.to_str().unwrap()];
    let printed = python(&to, script, &arguments).text();
    assert!(printed.starts_with("221"), "{printed}");
    files::assert_own("down", LENGTH, &fs::read(&down).unwrap());
    files::assert_own("inside", LENGTH, &fs::read(&inside).unwrap());
    has_arrived(&server, "up", "down", LENGTH);
    has_arrived(&server, "nothing", "nothing", 0);
}
