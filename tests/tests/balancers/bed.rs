//! The network: clients, a balancer, and three servers behind it.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

use mux_tests::Program::Muxftpd;
use mux_tests::certificate::Certificate;
use mux_tests::guard::{self, HANG};
use mux_tests::machine::{self, Has, Lacking};
use mux_tests::namespace;
use mux_tests::{Launch, Ports, Server};
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// What clients connect to.
pub(crate) const IPV4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)), 21);
pub(crate) const IPV6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)), 21);

/// The `n`th client's addresses.
pub(crate) fn client(n: u16) -> (IpAddr, IpAddr) {
    let [high, low] = n.to_be_bytes();
    let ipv6 = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, n);
    (Ipv4Addr::new(198, 18, high, low).into(), ipv6.into())
}

/// A file that is shipped.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scaling").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}

/// What the network takes: these programs, and a kernel with all that they ask of it.
pub(crate) fn balancer(programs: &[(&str, &str)]) -> Has {
    for (name, package) in programs {
        machine::program(name, package)?;
    }
    machine::program("unshare", "util-linux")?;
    machine::namespaces_with_ipv6()?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-ec"]);
    let set_up = format!("{}\nnsenter --net=/run/netns/lb sh \"$0\"", include_str!("bed.sh"));
    unshare.arg(set_up).arg(shipped("transparent-return.sh"));
    let output = unshare.output().expect("unshare runs");
    if output.status.success() {
        return Ok(());
    }
    Err(Lacking {
        what: "a kernel with bridges, veth, nftables and transparent sockets".to_owned(),
        remedy: format!(
            "What it says: {}",
            String::from_utf8_lossy(&output.stderr).replace('\n', " ")
        ),
    })
}

/// The servers behind the balancer, by number.
pub(crate) const SERVERS: [usize; 3] = [1, 2, 3];

/// The file whose content tells which server it comes from, and whose length does too.
pub(crate) const WHO: &str = "who";

/// How long the file `long` is: more than all buffers on the way hold.
pub(crate) const LONG: usize = 40 << 20;

/// The network, with what runs in it.
pub(crate) struct Bed {
    /// What the servers are configured with.
    config: Option<PathBuf>,
    certificate: Certificate,
    /// What they serve.
    roots: TempDir,
    servers: [Option<Server>; 4],
    /// Programs on the balancer.
    programs: Vec<Child>,
}

impl Bed {
    /// Runs the body of the test `name` in a network of its own.
    #[track_caller]
    pub(crate) fn inside(name: &str, config: Option<&str>, body: impl FnOnce(&mut Self)) {
        // One at a time: each has hundreds of clients, whose probes must not wait for those of others.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        namespace::enter(name, Muxftpd, || {
            let roots = TempDir::new().expect("a temporary directory");
            for n in SERVERS {
                let root = roots.path().join(n.to_string());
                fs::create_dir(&root).expect("a directory can be made");
                fs::write(root.join(WHO), n.to_string().repeat(n)).expect("a file");
                fs::File::create(root.join("long")).expect("a file").set_len(LONG as u64).unwrap();
            }
            succeeds(Command::new("sh").args(["-ec", include_str!("bed.sh")]));
            let mut bed = Self {
                config: config.map(shipped),
                certificate: Certificate::in_directory(roots.path()),
                roots,
                servers: [const { None }; 4],
                programs: Vec::new(),
            };
            body(&mut bed);
        });
    }

    /// The authority that the servers' certificate comes from.
    pub(crate) fn authority(&self) -> &Path {
        &self.certificate.authority
    }

    /// A program that will run in a namespace.
    fn command(&self, namespace: &str, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{namespace}")).arg(program);
        command
    }

    /// Runs a program on the balancer to its end.
    #[track_caller]
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        succeeds(self.command("lb", program).args(arguments));
    }

    /// Runs commands of the shell in a namespace.
    #[track_caller]
    pub(crate) fn run_in(&self, namespace: &str, commands: &str) {
        succeeds(self.command(namespace, "sh").args(["-ec", commands]));
    }

    /// Starts a program on the balancer that runs until the end of the test.
    #[track_caller]
    pub(crate) fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let mut command = self.command("lb", program);
        let child = command.args(arguments).spawn();
        self.programs.push(child.unwrap_or_else(|error| {
            panic!("these tests need {program} on the PATH ({error}); ci/install.sh installs it")
        }));
    }

    /// Starts a server.
    #[track_caller]
    pub(crate) fn start(&mut self, n: usize) {
        self.start_with_config(n, |launch| launch);
    }

    /// Starts a server with more options than are in the configuration file.
    #[track_caller]
    pub(crate) fn start_with_config(&mut self, n: usize, with: impl FnOnce(Launch) -> Launch) {
        let config = self.config.clone().expect("a configuration file");
        self.start_with(n, |launch| with(launch.config(&config)));
    }

    /// Starts a server with options of its own.
    #[track_caller]
    pub(crate) fn start_with(&mut self, n: usize, with: impl FnOnce(Launch) -> Launch) {
        let ports = Ports::of_an_own_network(8192..=8200);
        let launch = with(Launch::new(Muxftpd, &ports))
            .in_namespace(format!("/run/netns/b{n}"))
            .root(self.roots.path().join(n.to_string()))
            .option("--tls-cert", text(&self.certificate.certificate))
            .option("--tls-key", text(&self.certificate.key));
        self.servers[n] = Some(launch.start());
        // Over each family that it listens on.
        let ipv6 = Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0x10 + n as u16);
        let over = |ip: &SocketAddr| {
            if ip.is_ipv4() {
                Ipv4Addr::new(10, 0, 0, 10 + n as u8).into()
            } else {
                IpAddr::from(ipv6)
            }
        };
        for listening in self.server(n).controls() {
            self.until_reached((over(&listening), listening.port()).into());
        }
    }

    /// Waits until somebody accepts on an address.
    #[track_caller]
    pub(crate) fn until_reached(&mut self, address: SocketAddr) {
        guard::eventually("somebody accepts", || {
            let ended = self.programs.iter_mut().find_map(|program| program.try_wait().unwrap());
            assert_eq!(ended, None, "the balancer has given up");
            TcpStream::connect_timeout(&address, HANG).is_ok()
        });
    }

    /// A server that runs.
    #[track_caller]
    pub(crate) fn server(&self, n: usize) -> &Server {
        self.servers[n].as_ref().expect("the server runs")
    }

    /// Waits for the end of a server that was told to stop.
    #[track_caller]
    pub(crate) fn has_stopped(&mut self, n: usize) {
        let mut server = self.servers[n].take().expect("the server runs");
        let status = server.wait();
        assert!(status.success(), "{status}\n{}", server.said());
    }

    /// Ends a server without a warning.
    #[track_caller]
    pub(crate) fn kill(&mut self, n: usize) {
        let mut server = self.servers[n].take().expect("the server runs");
        server.signal(Signal::SIGKILL);
        let _ = server.wait();
    }

    /// How many connections to passive ports a server has turned away. No stranger is about, so
    /// each was the data connection of a session elsewhere, or of one that is over.
    #[track_caller]
    pub(crate) fn strangers(&self, n: usize) -> u64 {
        let metrics = self.get(n, "/metrics");
        let of_ports = metrics.lines().filter(|line| line.starts_with("muxftpd_strangers_total"));
        let counts: Vec<u64> = of_ports
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .map(|count| count as u64)
            .collect();
        assert!(!counts.is_empty(), "no count of strangers in:\n{metrics}");
        counts.iter().sum()
    }

    /// What a server answers beside its FTP ports.
    #[track_caller]
    pub(crate) fn get(&self, n: usize, path: &str) -> String {
        let address = SocketAddr::from(([10, 0, 0, 10 + n as u8], 9100));
        let mut stream = TcpStream::connect_timeout(&address, HANG).expect("metrics are served");
        stream.set_read_timeout(Some(HANG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: b{n}\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
