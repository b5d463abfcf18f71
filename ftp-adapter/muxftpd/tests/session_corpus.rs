//! What the fuzzer does with whole sessions: with its corpus, and with commands drawn here.

use proptest::prelude::*;

#[expect(unreachable_pub, reason = "a crate of its own under the fuzzer")]
#[path = "../../../fuzz/src/ftp_session.rs"]
mod ftp_session;
#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

/// What clients say, and some of what they do not.
const LINES: &[&str] = &[
    "ABOR",
    "ALLO 9",
    "APPE file",
    "AUTH TLS",
    "CDUP",
    "CWD directory",
    "CWD ..",
    "DELE new",
    "EPRT |1|127.0.0.1|9|",
    "EPSV",
    "EPSV 1",
    "EPSV 2",
    "EPSV ALL",
    "FEAT",
    "HELP",
    "LIST",
    "LIST -la nowhere",
    "LIST f*",
    "MDTM file",
    "MFMT 20200101000000 file",
    "MKD new",
    "MLSD",
    "MLST file",
    "MODE S",
    "MODE Z",
    "NLST *",
    "NOOP",
    "NOOP x",
    "OPTS MLST size;",
    "PASS x",
    "PASV",
    "PASV",
    "PASV",
    "PORT 1,2,3,4,5,6",
    "PROT P",
    "PWD",
    "REIN",
    "REST 3",
    "REST x",
    "RETR file",
    "RETR file",
    "RETR nowhere",
    "RMD new",
    "RNFR file",
    "RNTO file2",
    "RNTO file",
    "SITE CHMOD 644 file",
    "SIZE file",
    "STAT",
    "STAT directory",
    "STOR new",
    "STOR new",
    "STOU",
    "STRU R",
    "SYST",
    "TYPE A",
    "TYPE I",
    "USER ftp",
    "XPWD",
    "",
    " ",
    "XYZZY",
    ">",
    ">",
    "> some bytes",
    ">\r",
];

#[test]
fn each_command_has_its_reply() {
    replay::replay("ftp_session", ftp_session::run);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_drawn_command_has_its_reply(
        how in any::<u8>(),
        lines in prop::collection::vec(prop::sample::select(LINES), 1..30)
    ) {
        let mut bytes = vec![how];
        bytes.extend_from_slice(lines.join("\n").as_bytes());
        ftp_session::run(&bytes);
    }
}
