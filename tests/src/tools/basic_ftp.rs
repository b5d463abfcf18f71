//! basic-ftp, a client library for Node.js that deployment tools are built on.

use std::path::PathBuf;
use std::process::Command;

use not_checked::machine::{self, Has, Need};

use super::{Finished, run};
use crate::way::Endpoint;

/// The library, which `ci/install.sh` puts into the target directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicFtp;

impl Need for BasicFtp {
    fn is_here(&self) -> Has {
        machine::program("node", "nodejs")?;
        machine::file(&modules().join("basic-ftp"), "install it: ci/install.sh")
    }
}

fn modules() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/clients/node_modules"))
}

/// Opens `client`, logged in, to the endpoint that the arguments name.
const SESSION: &str = "
const ftp = require('basic-ftp'), fs = require('fs'), { Readable, Writable } = require('stream');
const [host, port, authority, ...args] = process.argv.slice(1);
class Bytes extends Writable {
  constructor() { super(); this.all = []; }
  _write(piece, _, done) { this.all.push(piece); done(); }
  get bytes() { return Buffer.concat(this.all); }
}
function check(is, what) { if (!is) throw new Error(what); }
async function session(body) {
  const client = new ftp.Client(60000);
  try {
    await client.access({ host, port: Number(port), user: 'anonymous', password: 'guest@example.com',
      secure: authority !== '', secureOptions: authority ? { ca: fs.readFileSync(authority) } : undefined });
    await body(client);
  } finally { client.close(); }
}
function run(body) {
  session(body).catch(error => { console.error(error); process.exit(1); });
}
";

/// Runs a program that calls `run(async client => …)`, with `args`.
///
/// # Panics
///
/// When `node` is missing or hangs.
#[must_use]
#[track_caller]
pub fn basic_ftp(to: &Endpoint, program: &str, arguments: &[&str]) -> Finished {
    let mut node = Command::new("node");
    node.env("NODE_PATH", modules()).arg("-e").arg(format!("{SESSION}{program}")).arg("--");
    node.args([&to.control.ip().to_string(), &to.control.port().to_string()]);
    node.arg(to.authority().unwrap_or_default()).args(arguments);
    run(&mut node, b"")
}
