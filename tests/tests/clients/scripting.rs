//! The clients of PHP and Ruby. Neither survives a reply too many or too few.

use mux_tests::Endpoint;
use mux_tests::Program::Muxftpd;
use mux_tests::Security::{self, Plain, Tls};
use mux_tests::Way::Ipv4Pasv;
use mux_tests::needs;
use mux_tests::tools::{Tool, php, ruby};
use rstest::rstest;

use crate::{LENGTH, has_arrived, server};

/// After transfers that fail, each further reply is that to its own command.
#[rstest]
fn php_goes_on_after_what_failed(#[values(Plain, Tls)] security: Security) {
    needs!(Tool::Php);
    let server = server(Muxftpd, security);
    let program = "
check(ftp_nlist($ftp, 'missing') === false, 'a listing of what is not there');
check(ftp_pwd($ftp) === '/', 'PWD after that');
// It removes what it has written to where it fails, so it gets a file of its own.
check(@ftp_get($ftp, tempnam(sys_get_temp_dir(), 'ftp'), 'missing') === false, 'a missing file');
check(ftp_size($ftp, 'down') === 300000, 'SIZE after that');
$names = ftp_nlist($ftp, '.');
sort($names);
check($names === ['directory', 'down', 'empty'], 'names: ' . implode(' ', $names ?: []));
check(count(ftp_rawlist($ftp, '.')) === 3, 'LIST');
check(count(ftp_mlsd($ftp, '.')) >= 3, 'MLSD');
$local = tmpfile();
check(ftp_fget($ftp, $local, 'down'), 'RETR');
rewind($local);
check(ftp_fput($ftp, 'up', $local), 'STOR');
check(ftp_mkdir($ftp, 'new') === '/new', 'MKD');
check(ftp_chdir($ftp, 'new') && ftp_pwd($ftp) === '/new', 'CWD');
check(ftp_cdup($ftp) && ftp_rename($ftp, 'up', 'new/up'), 'RNTO');
check(ftp_close($ftp), 'QUIT');
";
    let _ = php(&Endpoint::new(&server, Ipv4Pasv, security), program).text();
    has_arrived(&server, "new/up", "down", LENGTH);
}

#[rstest]
fn ruby_goes_on_after_what_failed(#[values(Plain, Tls)] security: Security) {
    needs!(Tool::Ruby);
    let server = server(Muxftpd, security);
    let program = "
2.times do
  begin
    ftp.nlst('missing')
    abort('a listing of what is not there')
  rescue Net::FTPTempError => error
    check(error.message.start_with?('450'), error.message)
  end
  check(ftp.pwd == '/', 'PWD after that')
end
check(ftp.nlst.sort == %w[directory down empty], 'NLST')
check(ftp.list.length == 3, 'LIST')
check(ftp.mlsd.map(&:pathname).include?('down'), 'MLSD')
check(ftp.size('down') == 300000, 'SIZE')
check(ftp.mtime('down').year > 2000, 'MDTM')
bytes = ftp.getbinaryfile('down', nil)
check(bytes.bytesize == 300000, 'RETR')
ftp.storbinary('STOR up', StringIO.new(bytes), 4096)
ftp.mkdir('new')
ftp.rename('up', 'new/up')
ftp.chdir('new')
check(ftp.pwd == '/new', 'PWD')
ftp.quit
ftp.close
";
    let _ = ruby(&Endpoint::new(&server, Ipv4Pasv, security), program).text();
    has_arrived(&server, "new/up", "down", LENGTH);
}
