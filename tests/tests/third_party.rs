//! Clients written by others. `python3` (its ftplib) and `curl` must be on the PATH, as they are
//! on every machine these tests are run on; a missing one is a failure.

use std::fs;
use std::io::Cursor;
use std::net::SocketAddr;

use mux_tests::{Client, Launch, Ports, Server, address, files, tools};
use suppaftp::FtpStream;
use suppaftp::types::{FileType, Mode};

const LENGTH: usize = 300_000;

fn server(writable: bool) -> Server {
    let mut launch = Launch::new(&Ports::consecutive(3)).and_ipv6();
    if writable {
        launch = launch.flag("--writable");
    }
    let server = launch.start();
    server.put("down", &files::content("down", LENGTH));
    server
}

fn suppaftp_does_it_all(server: &Server, control: SocketAddr, mode: Mode) {
    let mut session = FtpStream::connect(control).unwrap();
    session.set_mode(mode);
    session.login("anonymous", "guest@example.com").unwrap();
    session.transfer_type(FileType::Binary).unwrap();
    assert!(session.list(None).unwrap().iter().any(|line| line.ends_with(" down")));
    assert!(session.nlst(None).unwrap().contains(&"down".to_owned()));
    files::assert_own("down", LENGTH, session.retr_as_buffer("down").unwrap().get_ref());

    let mut bytes = Cursor::new(files::content("up", LENGTH));
    assert_eq!(session.put_file("up", &mut bytes).unwrap(), LENGTH as u64);
    files::assert_own("up", LENGTH, &fs::read(server.root().join("up")).unwrap());
    session.rm("up").unwrap();
    assert!(!server.root().join("up").exists());
    session.mkdir("directory").unwrap();
    assert!(server.root().join("directory").is_dir());
    session.rmdir("directory").unwrap();
    assert!(!server.root().join("directory").exists());
    session.quit().unwrap();
}

#[test]
fn suppaftp_over_pasv() {
    let server = server(true);
    suppaftp_does_it_all(&server, server.control(), Mode::Passive);
}

#[test]
fn suppaftp_over_epsv() {
    let server = server(true);
    suppaftp_does_it_all(&server, server.control(), Mode::ExtendedPassive);
}

#[test]
fn suppaftp_over_ipv6() {
    let server = server(true);
    suppaftp_does_it_all(&server, server.control_ipv6(), Mode::ExtendedPassive);
}

/// ftplib uses PASV on IPv4 and EPSV on IPv6.
#[test]
fn python_ftplib_on_both_families() {
    let program = "
import ftplib, io, sys
host, port, down = sys.argv[1:]
session = ftplib.FTP(timeout=60)
session.connect(host, int(port))
session.login()
for round in range(3):
    assert 'down' in session.nlst()
    with open(down, 'wb') as file:
        session.retrbinary('RETR down', file.write)
    with open(down, 'rb') as file:
        session.storbinary('STOR up', file)
lines = []
session.retrlines('LIST', lines.append)
assert any(line.endswith(' up') for line in lines), lines
assert session.size('up') == 300000
session.delete('up.old') if 'up.old' in session.nlst() else None
session.rename('up', 'up.old')
session.mkd('directory')
session.cwd('directory')
assert session.nlst() == []
session.cwd('..')
session.rmd('directory')
print(session.quit())
";
    let server = server(true);
    let local = tempfile::tempdir().unwrap();
    let down = local.path().join("down");
    for control in [server.control(), server.control_ipv6()] {
        let arguments =
            [&control.ip().to_string(), &control.port().to_string(), down.to_str().unwrap()];
        let printed = tools::python(program, &arguments);
        assert!(printed.starts_with("221"), "{printed}");
        files::assert_own("down", LENGTH, &fs::read(&down).unwrap());
        files::assert_own("down", LENGTH, &fs::read(server.root().join("up.old")).unwrap());
    }
}

/// curl tries EPSV first, and PASV when told not to.
#[test]
fn curl_over_both_passive_commands_and_families() {
    let server = server(true);
    let four = format!("ftp://{}", server.control());
    let six = format!("ftp://{}", server.control_ipv6());
    let uploaded = files::content("up", LENGTH);
    for (base, how) in [(&four, "--ftp-pasv"), (&four, "--disable-epsv"), (&six, "--ftp-pasv")] {
        let curl =
            |more: &[&str], input: &[u8]| tools::curl(&[&["--globoff", how], more].concat(), input);
        let down = curl(&[&format!("{base}/down")], b"").unwrap();
        files::assert_own("down", LENGTH, &down);

        curl(&["--upload-file", "-", &format!("{base}/up")], &uploaded).unwrap();
        files::assert_own("up", LENGTH, &fs::read(server.root().join("up")).unwrap());
        let names = curl(&["--list-only", &format!("{base}/")], b"").unwrap();
        let names = String::from_utf8(names).unwrap();
        assert_eq!(names.lines().collect::<std::collections::BTreeSet<_>>(), ["down", "up"].into());

        // Several files in one session, a port each.
        let urls = ["down", "up", "down"].map(|name| format!("{base}/{name}"));
        let several = curl(&urls.each_ref().map(String::as_str), b"").unwrap();
        assert_eq!(several.len(), 3 * LENGTH);
        for (bytes, owner) in several.chunks(LENGTH).zip(["down", "up", "down"]) {
            files::assert_own(owner, LENGTH, bytes);
        }
    }
}

/// A server that was not made writable takes nothing and deletes nothing.
#[test]
fn a_read_only_server_refuses_every_change() {
    let server = server(false);
    let mut session = Client::login(address::client(1), server.control());
    let port = session.pasv();
    let data = session.open(port);
    let mut reply = session.command("STOR up");
    if reply.code == 150 {
        // The refusal may come at once, whatever becomes of the data.
        let _ = data.write_all(b"unwanted");
        reply = session.reply().unwrap();
    }
    assert!((500..600).contains(&reply.code), "{reply}");
    for command in ["DELE down", "MKD directory", "RNFR down"] {
        let reply = session.command(command);
        let refused = if command == "RNFR down" && reply.code == 350 {
            session.command("RNTO elsewhere")
        } else {
            reply
        };
        assert!((500..600).contains(&refused.code), "{command}: {refused}");
    }
    let mut suppaftp = FtpStream::connect(server.control()).unwrap();
    suppaftp.login("anonymous", "guest@example.com").unwrap();
    assert!(suppaftp.put_file("up", &mut Cursor::new(b"unwanted")).is_err());
    let url = format!("ftp://{}/up", server.control());
    assert!(tools::curl(&["--upload-file", "-", &url], b"unwanted").is_err());

    let names = fs::read_dir(server.root()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["down"]);
    files::assert_own("down", LENGTH, &fs::read(server.root().join("down")).unwrap());
}

/// What was acknowledged with 226 is there, all of it, for whoever asks next.
#[test]
fn an_upload_is_there_at_once() {
    let server = server(true);
    let mut session = Client::login(address::client(1), server.control());
    let mut other = Client::login(address::client(2), server.control());
    for length in [0, 1, 4095, 4096, 4097, (1 << 20) + 1, 5] {
        let name = format!("up-{length}");
        for name in [name.as_str(), "up"] {
            session.stor(name, &files::content(name, length));
            files::assert_own(name, length, &session.retr(name));
            files::assert_own(name, length, &other.retr(name));
        }
    }
}
