//! PHP and Ruby, for the FTP clients that come with them.

use std::process::Command;

use super::{Finished, run};
use crate::way::Endpoint;

const PHP_SESSION: &str = "
[, $host, $port, $authority] = $argv;
function check($is, $what) { if (!$is) { fwrite(STDERR, \"$what\\n\"); exit(1); } }
$ftp = $authority === '' ? ftp_connect($host, (int)$port) : ftp_ssl_connect($host, (int)$port);
check($ftp && ftp_login($ftp, 'anonymous', 'guest@example.com'), 'login');
ftp_pasv($ftp, true);
";

const RUBY_SESSION: &str = "
require 'net/ftp'
require 'stringio'
host, port, authority = ARGV
tls = authority.empty? ? nil : { ca_file: authority, verify_mode: OpenSSL::SSL::VERIFY_PEER }
ftp = Net::FTP.new(host, port: port.to_i, ssl: tls, username: 'anonymous', passive: true)
def check(is, what) = is || abort(what)
";

/// Runs a PHP program that finds `$ftp`, a session at the server; it verifies no certificates.
///
/// # Panics
///
/// When `php` is missing or hangs.
#[must_use]
#[track_caller]
pub fn php(to: &Endpoint, program: &str) -> Finished {
    let mut php = Command::new("php");
    php.args(["-n", "-d", "extension=ftp", "-r", &format!("{PHP_SESSION}{program}"), "--"]);
    run(arguments(&mut php, to), b"")
}

/// Runs a Ruby program that finds `ftp`, a session at the server.
///
/// # Panics
///
/// When `ruby` is missing or hangs.
#[must_use]
#[track_caller]
pub fn ruby(to: &Endpoint, program: &str) -> Finished {
    let mut ruby = Command::new("ruby");
    ruby.args(["-e", &format!("{RUBY_SESSION}{program}"), "--"]);
    run(arguments(&mut ruby, to), b"")
}

fn arguments<'a>(command: &'a mut Command, to: &Endpoint) -> &'a mut Command {
    command.args([&to.control.ip().to_string(), &to.control.port().to_string()]);
    command.arg(to.authority().unwrap_or_default())
}
