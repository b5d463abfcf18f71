//! Where libunftp does otherwise than the rules say.
//!
//! `muxftpd` is libunftp, which no wiring can change: its clients see what libunftp's clients see
//! in every mode. Each such difference is named here, with what the rule asks for and `tiny_ftpd`
//! does, and with what libunftp does instead; nowhere else do tests tell the servers apart.
//!
//! The evidence is that the tests of `tests/protocol` run against libunftp as it comes as well
//! ([`Program::PlainLibunftp`]), with the same expectations as against `muxftpd`. Once libunftp
//! mends one, its test fails and the entry must go.

use crate::program::Program;

/// What servers do: by the rule, and with libunftp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference<T> {
    /// What the rule asks for.
    pub rule: T,
    /// What libunftp does, and so `muxftpd`.
    pub libunftp: T,
}

impl<T: Copy> Difference<T> {
    /// What `program` does.
    #[must_use]
    pub fn of(self, program: Program) -> T {
        match program {
            Program::Muxftpd | Program::TinyFtpd => self.rule,
            Program::LibunftpExample | Program::PlainLibunftp => self.libunftp,
        }
    }
}

/// How replies begin, in order, one after the other; after the last there is none.
pub type Replies = &'static [&'static str];

/// In place of a last reply: the server closes the control connection.
pub const END: &str = "the end";

/// `EPSV 2` on an IPv4 control connection. libunftp ignores arguments of `EPSV`.
pub const EPSV_2_OVER_IPV4: Difference<Replies> = Difference {
    rule: &["522 Network protocol not supported, use (1)"],
    libunftp: &["229 Entering Extended Passive Mode (|||"],
};

/// `EPSV 1` on an IPv6 control connection. libunftp ignores arguments of `EPSV`.
pub const EPSV_1_OVER_IPV6: Difference<Replies> = Difference {
    rule: &["522 Network protocol not supported, use (2)"],
    libunftp: &["229 Entering Extended Passive Mode (|||"],
};

/// `EPSV` with anything that RFC 2428 does not know. libunftp ignores arguments of `EPSV`.
pub const EPSV_RUBBISH: Difference<Replies> = Difference {
    rule: &["501 EPSV takes 1, 2, ALL or no argument."],
    libunftp: &["229 Entering Extended Passive Mode (|||"],
};

/// `EPSV ALL`. libunftp ignores arguments of `EPSV`.
pub const EPSV_ALL: Difference<Replies> = Difference {
    rule: &["200 From now on only EPSV is allowed."],
    libunftp: &["229 Entering Extended Passive Mode (|||"],
};

/// `PASV` after `EPSV ALL`, of which libunftp knows nothing.
pub const PASV_AFTER_EPSV_ALL: Difference<Replies> = Difference {
    rule: &["503 Only EPSV is allowed after EPSV ALL."],
    libunftp: &["227 Entering Passive Mode ("],
};

/// `PORT` after `EPSV ALL`, of which libunftp knows nothing.
pub const PORT_AFTER_EPSV_ALL: Difference<Replies> =
    Difference { rule: &["503 Only EPSV is allowed after EPSV ALL."], libunftp: PORT.libunftp };

/// `EPRT` after `EPSV ALL`, of which libunftp knows nothing.
pub const EPRT_AFTER_EPSV_ALL: Difference<Replies> =
    Difference { rule: &["503 Only EPSV is allowed after EPSV ALL."], libunftp: EPRT.libunftp };

/// `PASV` on an IPv6 control connection: libunftp takes it for an error of its own, and ends the
/// session without a word.
pub const PASV_OVER_IPV6: Difference<Replies> =
    Difference { rule: &["425 PASV cannot name an IPv6 address, use EPSV."], libunftp: &[END] };

/// `PORT`, where active mode is not served. Both refuse it, in words of their own.
pub const PORT: Difference<Replies> =
    Difference { rule: &["502 Active mode is not served"], libunftp: &["502 Active mode not"] };

/// `EPRT`, where active mode is not served. libunftp does not know the command.
pub const EPRT: Difference<Replies> = Difference {
    rule: &["502 Active mode is not served"],
    libunftp: &["500 Command not implemented"],
};

/// A transfer after `PASV`, then `PORT` or `EPRT`, then a connection to the port of before.
/// libunftp does not heed the refused command, and serves that connection.
pub const TRANSFER_AFTER_ACTIVE_MODE: Difference<Replies> =
    Difference { rule: &["425 Use PASV or EPSV first."], libunftp: &["150 ", "226 "] };

/// A transfer command after `ABOR` has ended what `PASV` had begun. libunftp does not remember
/// that there is no connection any more, and answers for good with 150 alone.
pub const TRANSFER_AFTER_ABOR: Difference<Replies> =
    Difference { rule: &["425 Use PASV or EPSV first."], libunftp: &["150 "] };

/// `ABOR` after 150, before the connection has come: the transfer command has a final reply and
/// `ABOR` has one. libunftp forgets the former.
pub const ABOR_BEFORE_THE_CONNECTION: Difference<Replies> =
    Difference { rule: &["426 ", "226 "], libunftp: &["226 "] };

/// `ABOR` in the middle of a transfer. libunftp deals with it when the transfer is over.
pub const ABOR_OF_A_TRANSFER: Difference<Replies> =
    Difference { rule: &["426 ", "226 "], libunftp: &["226 ", "226 "] };

/// Whether `ABOR` stops a transfer. With libunftp all of the file is sent.
pub const ABOR_STOPS_A_TRANSFER: Difference<bool> = Difference { rule: true, libunftp: false };

/// `ABOR` after the signs of Telnet that RFC 959 demands. libunftp takes them for bytes that are
/// no text, and ends the session.
pub const ABOR_AFTER_TELNET_SIGNS: Difference<Replies> =
    Difference { rule: &["226 "], libunftp: &["500 Invalid UTF8", END] };

/// A transfer command that nobody connects for. libunftp gives no final reply.
pub const NOBODY_CONNECTS: Difference<Replies> = Difference {
    rule: &["150 ", "425 No data connection was opened in time."],
    libunftp: &["150 "],
};

/// A transfer command after its data connection was reset, before the server had accepted it: that
/// is no connection, and another may come. libunftp gives no final reply.
pub const RESET_BEFORE_IT_WAS_ACCEPTED: Difference<Replies> = NOBODY_CONNECTS;

/// A file that is not there. libunftp looks for it after it has said 150.
pub const MISSING_FILE: Difference<Replies> =
    Difference { rule: &["550 "], libunftp: &["150 ", "550 "] };

/// A line of 5,000 bytes. libunftp has no limit, and keeps in memory whatever comes.
pub const LONG_LINE: Difference<Replies> =
    Difference { rule: &["500 The command is too long."], libunftp: &["500 "] };

/// A command that is not UTF-8. libunftp ends the session.
pub const BINARY_COMMAND: Difference<Replies> =
    Difference { rule: &["500 Unknown command."], libunftp: &["500 Invalid UTF8", END] };

/// A command that lacks its argument, or has one that makes no sense. libunftp ends the session.
pub const WRONG_ARGUMENT: Difference<Replies> =
    Difference { rule: &["501 "], libunftp: &["501 Invalid Parameter", END] };

/// `TYPE` and `PASV`, sent together with the login. libunftp goes on with the next command before
/// it knows whether the password is right.
pub const BEHIND_THE_PASSWORD: Difference<Replies> = Difference {
    rule: &["331 ", "230 ", "200 ", "227 "],
    libunftp: &["331 ", "530 ", "530 ", "230 "],
};

/// `QUIT` while a transfer runs. By RFC 959 the transfer is finished first; libunftp ends the
/// session at once.
pub const QUIT_IN_A_TRANSFER: Difference<Replies> =
    Difference { rule: &["226 ", "221 ", END], libunftp: &["221 ", END] };

/// `NOOP`, twice, while a transfer runs. libunftp answers at once, and everything else when the
/// transfer is over. RFC 959 allows both.
pub const NOOP_IN_A_TRANSFER: Difference<Replies> =
    Difference { rule: &["226 ", "200 ", "200 "], libunftp: &["200 ", "200 ", "226 "] };

/// Whether the server leaves out the end of TLS (close_notify) on the data connection of an
/// upload. With libunftp the file is there and 226 follows, but strict clients, such as Python's
/// ftplib, raise an error.
pub const UPLOADS_ARE_CUT_OFF: Difference<bool> = Difference { rule: false, libunftp: true };

/// Whether a transfer goes on when the control connection has ended, for as long as its client keeps
/// the data connection. With libunftp it does, be it read from or not.
pub const TRANSFERS_OUTLIVE_THEIR_SESSION: Difference<bool> =
    Difference { rule: false, libunftp: true };

/// Whether a data connection is lost that comes while the server has no descriptor left. libunftp
/// tries once to accept it.
pub const LOST_WITHOUT_DESCRIPTORS: Difference<bool> = Difference { rule: false, libunftp: true };

/// Whether a TLS handshake on the control connection may be lost. libunftp goes on reading commands
/// for a moment after it has answered `AUTH` with 234. When the client is quicker than that, which
/// takes a busy machine and a short way, the beginning of its handshake is taken for a command.
/// There is no witness, because nothing can bring it about for certain: clients try again.
pub const AUTH_IS_A_RACE: Difference<bool> = Difference { rule: false, libunftp: true };
