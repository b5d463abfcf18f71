//! Promise 6: every port comes back, whatever way a session ends.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

use mux_tests::Program::{self, LibunftpExample, Muxftpd};
use mux_tests::guard::{BEFORE_TTL, within};
use mux_tests::needs;
use mux_tests::tools::Tool;
use mux_tests::{
    Client, Endpoint, Holding, Launch, Passive, Ports, Security, Server, Way, address, files, tools,
};
use rstest::rstest;

/// One port, refusals at once, and reservations as long as they can be: what comes back here,
/// before they are over, comes back because a session ended.
fn server(program: Program) -> Server {
    let launch = Launch::new(program, &Ports::consecutive(1));
    let server = launch.option("--wait", "0s").option("--reservation-ttl", "600s").start();
    server.put("file", &files::content("file", 10_000));
    server
}

/// Asks for the port again and again, because the server may have to notice an end first.
#[track_caller]
fn granted(session: &mut Client) -> SocketAddr {
    let mut port = None;
    within(BEFORE_TTL, "the port is free again", || {
        port = session.passive(Passive::Pasv).ok();
        port.is_some()
    });
    port.unwrap()
}

/// Ends a session that holds the port, and sees that the client's next session gets it.
#[track_caller]
fn comes_back(server: &Server, source: IpAddr, end: impl FnOnce(Holding)) {
    let holding = Holding::new(server, source);
    let mut next = Client::login(source, server.control());
    assert_eq!(next.passive(Passive::Pasv).expect_err("the port is taken").code, 425);
    end(holding);
    let port = granted(&mut next);
    files::assert_own("file", 10_000, &next.retr_from(port, "file"));
}

#[rstest]
fn after_quit(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    comes_back(&server, address::client(1), |holding| holding.session.quit());
}

#[rstest]
fn after_fin(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    comes_back(&server, address::client(1), |holding| holding.session.fin());
}

#[rstest]
fn after_a_half_close(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    let mut kept = None;
    comes_back(&server, address::client(1), |holding| {
        holding.session.half_close();
        kept = Some(holding);
    });
    drop(kept);
}

#[rstest]
fn after_reset(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    comes_back(&server, address::client(1), |holding| holding.session.reset());
}

/// The reservation that a second PASV replaced ends with the session too, not only the new one.
#[rstest]
fn after_pasv_again_and_then_each_end(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    let ends: [fn(Client); 3] = [Client::quit, Client::fin, Client::reset];
    for end in ends {
        comes_back(&server, address::client(1), |mut holding| {
            holding.session.pasv();
            holding.session.epsv();
            end(holding.session);
        });
    }
}

/// A command that is half sent must not keep a session, or its port, alive.
#[rstest]
fn in_the_middle_of_a_command(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    comes_back(&server, address::client(1), |mut holding| {
        holding.session.send_part("NOOP\r\nPAS").unwrap();
        holding.session.fin();
    });
}

/// A transfer command was sent, nobody connected, and the session ended.
#[rstest]
fn after_a_transfer_command_without_a_connection(
    #[values(Muxftpd, LibunftpExample)] program: Program,
) {
    needs!(program);
    let server = server(program);
    let ends: [fn(Client); 2] = [Client::fin, Client::reset];
    for end in ends {
        comes_back(&server, address::client(1), |mut holding| {
            holding.session.expect("RETR file", 150);
            end(holding.session);
        });
    }
}

/// The kernel ends the connections of a client that was killed.
#[rstest]
fn after_the_client_was_killed(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program, Tool::Python);
    let server = server(program);
    let script = "
print(session.sendcmd('PASV'), flush=True)
sys.stdin.read()
";
    let to = Endpoint::new(&server, Way::Ipv4Pasv, Security::Plain);
    let control = to.control;
    let mut client = tools::start_python(&to, script, &[]);
    let mut line = String::new();
    BufReader::new(client.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("227 "), "{line:?}");

    let mut next = Client::login(control.ip(), control);
    assert_eq!(next.passive(Passive::Pasv).expect_err("the port is taken").code, 425);
    client.kill().unwrap();
    client.wait().unwrap();
    let port = granted(&mut next);
    files::assert_own("file", 10_000, &next.retr_from(port, "file"));
}

/// A session that ends while it stands in line takes no port with it: the next in line gets it.
#[rstest]
fn while_in_line(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = Launch::new(program, &Ports::consecutive(1))
        .option("--wait", "300s")
        .option("--reservation-ttl", "600s")
        .start();
    server.put("file", &files::content("file", 10_000));
    let source = address::client(1);
    let ends: [fn(Client); 2] = [Client::fin, Client::reset];
    for end in ends {
        let holder = Holding::new(&server, source);
        let mut line: Vec<Client> =
            (0..4).map(|_| Client::login(source, server.control())).collect();
        for waiting in &mut line {
            waiting.send("PASV").unwrap();
            server.settle();
        }
        let mut last = line.pop().unwrap();
        line.into_iter().for_each(end);
        holder.session.quit();
        within(BEFORE_TTL, "those before it are gone", || !last.is_silent());
        let port = last.passive_reply(Passive::Pasv).expect("it is this one's turn");
        files::assert_own("file", 10_000, &last.retr_from(port, "file"));
    }
}

/// A hundred sessions that come and go leave the port as free as one does.
#[rstest]
fn a_hundred_times(#[values(Muxftpd, LibunftpExample)] program: Program) {
    needs!(program);
    let server = server(program);
    let ends: [fn(Client); 3] = [Client::quit, Client::fin, Client::reset];
    let mut next = Client::login(address::client(1), server.control());
    for round in 0..100 {
        let mut session = next;
        granted(&mut session);
        next = Client::login(address::client(1), server.control());
        ends[round % ends.len()](session);
    }
    let port = granted(&mut next);
    files::assert_own("file", 10_000, &next.retr_from(port, "file"));
}
