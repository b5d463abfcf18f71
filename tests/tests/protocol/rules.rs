//! What the control connection must say, where more than one test asks for it or the words count.

/// How replies begin, in order, one after the other; after the last there is none.
pub(crate) type Replies = &'static [&'static str];

/// In place of a last reply: the server closes the control connection.
pub(crate) const END: &str = "the end";

/// `EPSV 2` on an IPv4 control connection.
pub(crate) const EPSV_2_OVER_IPV4: Replies = &["522 Network protocol not supported, use (1)"];

/// `EPSV 1` on an IPv6 control connection.
pub(crate) const EPSV_1_OVER_IPV6: Replies = &["522 Network protocol not supported, use (2)"];

/// `EPSV` with anything that RFC 2428 does not know.
pub(crate) const EPSV_RUBBISH: Replies = &["501 EPSV takes 1, 2, ALL or no argument."];

/// `EPSV ALL`.
pub(crate) const EPSV_ALL: Replies = &["200 From now on only EPSV is allowed."];

/// `PASV` after `EPSV ALL`.
pub(crate) const PASV_AFTER_EPSV_ALL: Replies = &["503 Only EPSV is allowed after EPSV ALL."];

/// `PORT` after `EPSV ALL`.
pub(crate) const PORT_AFTER_EPSV_ALL: Replies = &["503 Only EPSV is allowed after EPSV ALL."];

/// `EPRT` after `EPSV ALL`.
pub(crate) const EPRT_AFTER_EPSV_ALL: Replies = &["503 Only EPSV is allowed after EPSV ALL."];

/// `PASV` on an IPv6 control connection.
pub(crate) const PASV_OVER_IPV6: Replies = &["425 PASV cannot name an IPv6 address, use EPSV."];

/// `PORT`, where active mode is not served.
pub(crate) const PORT: Replies = &["502 Active mode is not served"];

/// `EPRT`, where active mode is not served.
pub(crate) const EPRT: Replies = &["502 Active mode is not served"];

/// A transfer after `PASV`, then `PORT` or `EPRT`, then a connection to the port of before.
pub(crate) const TRANSFER_AFTER_ACTIVE_MODE: Replies = &["425 Use PASV or EPSV first."];

/// A transfer command after `ABOR` has ended what `PASV` had begun.
pub(crate) const TRANSFER_AFTER_ABOR: Replies = &["425 Use PASV or EPSV first."];

/// `ABOR` after 150, before the connection has come: the transfer command has a final reply and `ABOR` has one.
pub(crate) const ABOR_BEFORE_THE_CONNECTION: Replies = &["426 ", "226 "];

/// `ABOR` in the middle of a transfer.
pub(crate) const ABOR_OF_A_TRANSFER: Replies = &["426 ", "226 "];

/// `ABOR` after the signs of Telnet that RFC 959 demands.
pub(crate) const ABOR_AFTER_TELNET_SIGNS: Replies = &["226 "];

/// A transfer command that nobody connects for.
pub(crate) const NOBODY_CONNECTS: Replies = &["150 ", "425 No data connection was opened in time."];

/// A transfer command after its data connection was reset, before the server had accepted it: that is no connection, and another may come.
pub(crate) const RESET_BEFORE_IT_WAS_ACCEPTED: Replies = NOBODY_CONNECTS;

/// A file that is not there.
pub(crate) const MISSING_FILE: Replies = &["550 "];

/// A line of 5,000 bytes.
pub(crate) const LONG_LINE: Replies = &["500 The command is too long."];

/// A command that is not UTF-8.
pub(crate) const BINARY_COMMAND: Replies = &["500 Unknown command."];

/// A command that lacks its argument, or has one that makes no sense.
pub(crate) const WRONG_ARGUMENT: Replies = &["501 "];

/// `TYPE` and `PASV`, sent together with the login.
pub(crate) const BEHIND_THE_PASSWORD: Replies = &["331 ", "230 ", "200 ", "227 "];

/// `QUIT` while a transfer runs. By RFC 959 the transfer is finished first.
pub(crate) const QUIT_IN_A_TRANSFER: Replies = &["226 ", "221 ", END];

/// `NOOP`, twice, while a transfer runs. RFC 959 allows both.
pub(crate) const NOOP_IN_A_TRANSFER: Replies = &["226 ", "200 ", "200 "];
