//! basic-ftp, the client library of Node.js. It uses EPSV, MLSD and `OPTS MLST`.

use mux_tests::Program::Muxftpd;
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::{self, Ipv4Epsv, Ipv6Epsv};
use mux_tests::tools::{BasicFtp, basic_ftp};
use mux_tests::{Endpoint, needs};
use rstest::rstest;

use crate::{LENGTH, has_arrived, server};

#[rstest]
fn does_it_all(#[values(Ipv4Epsv, Ipv6Epsv)] way: Way, #[values(Plain, Tls)] security: Security) {
    needs!(way, BasicFtp);
    let server = server(Muxftpd, security);
    let to = Endpoint::new(&server, way, security);
    let program = "
run(async client => {
  const names = async () => (await client.list()).map(file => file.name).sort().join(' ');
  check(await names() === 'directory down empty', await names());
  const list = await client.list();
  check(list.find(file => file.name === 'directory').isDirectory, 'a directory');
  check(list.find(file => file.name === 'down').size === 300000, 'a size');
  const features = await client.features();
  check(features.has('MLST') && features.has('MFMT') && features.has('UTF8'), 'features');
  check(await client.size('down') === 300000, 'SIZE');
  check((await client.lastMod('down')).getFullYear() > 2000, 'MDTM');

  const whole = new Bytes();
  await client.downloadTo(whole, 'down');
  check(whole.bytes.length === 300000, 'a download');
  const rest = new Bytes();
  await client.downloadTo(rest, 'down', 299990);
  check(rest.bytes.equals(whole.bytes.subarray(299990)), 'the rest of a download');

  await client.ensureDir('/new/für/data');
  check(await client.pwd() === '/new/für/data', await client.pwd());
  await client.uploadFrom(Readable.from([whole.bytes.subarray(0, 1000)]), 'up');
  await client.appendFrom(Readable.from([whole.bytes.subarray(1000)]), 'up');
  await client.rename('up', '/up');
  await client.cd('/');

  let refused;
  try { await client.downloadTo(new Bytes(), 'missing'); } catch (error) { refused = error; }
  check(refused && refused.code === 550, 'a missing file');
  check(await names() === 'directory down empty new up', await names());
  await client.removeDir('/new');
  await client.remove('empty');
  check(await names() === 'directory down up', await names());
});
";
    let _ = basic_ftp(&to, program, &[]).text();
    has_arrived(&server, "up", "down", LENGTH);
}
