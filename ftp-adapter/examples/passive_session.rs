//! The server of `docs/integrating.md`, with a directory behind it: anonymous, read-only.
//!
//! ```sh
//! cargo run -p ftp-adapter --example passive_session -- --root /srv/ftp
//! curl ftp://127.0.0.1:2121/
//! ```
//!
//! What shared passive ports take of a server is a [`PassiveSession`] for each session, and a call
//! for each command that is about data connections. It must go on hearing its client while it
//! waits for a data connection: here, that is the `select!` in `transfer`.

use ftp_adapter::{ControlListener, Passive, PassiveSession};
use mux_core::{Mux, PortSet};
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::{env, fmt::Write, fs, io};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut root = PathBuf::from(".");
    let mut listen: SocketAddr = "127.0.0.1:2121".parse()?;
    let mut ports: PortSet = "8192-8200".parse()?;
    let mut arguments = env::args().skip(1);
    while let (Some(option), Some(value)) = (arguments.next(), arguments.next()) {
        match option.as_str() {
            "--root" => root = value.into(),
            "--listen" => listen = value.parse()?,
            "--passive-ports" => ports = value.parse()?,
            _ => return Err(format!("{option} is no option").into()),
        }
    }
    let listener = TcpListener::bind(listen).await?;
    let mux = Mux::builder(ports).addresses([listen.ip()]).bind()?;
    let passive = Passive::new(mux.clone());
    println!("  control      {}\nready", listener.local_addr()?);
    let mut listener = ControlListener::new(listener, mux);
    loop {
        let (stream, peer) = listener.accept().await;
        // It fails where the client has gone already.
        let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) else { continue };
        let passive = passive.session(peer, local);
        let (reader, control) = stream.into_split();
        let lines = BufReader::new(reader).lines();
        let session = Session { passive, control, lines, root: root.clone() };
        // Its error is that the client has gone. Its reservation goes with it.
        tokio::spawn(session.serve());
    }
}

struct Session {
    passive: PassiveSession,
    control: OwnedWriteHalf,
    lines: Lines<BufReader<OwnedReadHalf>>,
    root: PathBuf,
}

impl Session {
    async fn serve(mut self) -> io::Result<()> {
        self.reply("220 Ready.").await?;
        while let Some(line) = self.lines.next_line().await? {
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "USER" => self.reply("331 Any password will do.").await?,
                "PASS" => self.reply("230 Welcome.").await?,
                "SYST" => self.reply("215 UNIX Type: L8").await?,
                "TYPE" | "NOOP" => self.reply("200 Yes.").await?,
                "PWD" => self.reply("257 \"/\" is the only directory.").await?,
                "PASV" => {
                    let reply = self.passive.pasv().await;
                    self.control.write_all(reply.line().as_bytes()).await?;
                }
                "EPSV" => {
                    let reply = self.passive.epsv(argument).await;
                    self.control.write_all(reply.line().as_bytes()).await?;
                }
                "PORT" | "EPRT" => match self.passive.active_mode() {
                    Ok(()) => self.reply("502 Use PASV or EPSV.").await?,
                    Err(reply) => self.control.write_all(reply.line().as_bytes()).await?,
                },
                "ABOR" => {
                    self.passive.end_reservation();
                    self.reply("226 Nothing is under way.").await?;
                }
                "LIST" => self.transfer(listing(&self.root)).await?,
                "RETR" => self.transfer(content(&self.root, argument)).await?,
                "QUIT" => return self.reply("221 Goodbye.").await,
                _ => self.reply("502 Not implemented.").await?,
            }
        }
        Ok(())
    }

    /// Sends `bytes` over the data connection that the client opens, before the command or after.
    async fn transfer(&mut self, bytes: io::Result<Vec<u8>>) -> io::Result<()> {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return self.reply(&format!("550 {error}")).await,
        };
        self.reply("150 Here it comes.").await?;
        let sent = async {
            let data = self.passive.data_connection().await.map_err(|reply| reply.line())?;
            send(data, &bytes).await.map_err(|error| format!("426 {error}\r\n"))
        };
        let reply = tokio::select! {
            sent = sent => sent.err().unwrap_or_else(|| "226 Done.\r\n".to_owned()),
            line = self.lines.next_line() => match line?.as_deref() {
                Some("ABOR") => "426 Aborted.\r\n226 Done.\r\n".to_owned(),
                Some(_) => "426 Something else was said.\r\n503 Wait for the reply.\r\n".to_owned(),
                None => return Ok(()),
            },
        };
        self.passive.end_reservation();
        self.control.write_all(reply.as_bytes()).await
    }

    async fn reply(&mut self, text: &str) -> io::Result<()> {
        self.control.write_all(format!("{text}\r\n").as_bytes()).await
    }
}

async fn send(mut data: TcpStream, bytes: &[u8]) -> io::Result<()> {
    data.write_all(bytes).await?;
    data.shutdown().await
}

fn listing(root: &Path) -> io::Result<Vec<u8>> {
    let mut listing = String::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let (name, length) = (entry.file_name(), entry.metadata()?.len());
        let _ =
            write!(listing, "-r--r--r-- 1 ftp ftp {length} Jan  1  1970 {}\r\n", name.display());
    }
    Ok(listing.into_bytes())
}

/// A file of the directory itself: of what a client names, only the last part counts.
fn content(root: &Path, name: &str) -> io::Result<Vec<u8>> {
    match Path::new(name).components().next_back() {
        Some(Component::Normal(name)) => fs::read(root.join(name)),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
