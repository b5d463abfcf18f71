//! What the words of a log mean for ports: commands, replies, and what collectors call events.

use super::What;

/// What a line of the control connection says: a command, or a reply with its code.
pub(super) fn control(text: &[u8]) -> Option<What> {
    let text = text.trim_ascii();
    if let Some(code) = code(text) {
        // The first line of a longer reply is no reply yet.
        return (text.get(3) != Some(&b'-')).then_some(What::Replied(code));
    }
    event(text)
}

/// The three digits that a reply begins with.
pub(super) fn code(text: &[u8]) -> Option<u16> {
    let [a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = text else { return None };
    if rest.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
}

/// What a command or the name of an event means; `None` if it is not known.
pub(super) fn event(text: &[u8]) -> Option<What> {
    let word = text.trim_ascii();
    // IIS puts the session's number before the command.
    let word = match word.strip_prefix(b"[") {
        Some(rest) => &rest[memchr::memchr(b']', rest)? + 1..],
        None => word,
    };
    let end = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
    let mut upper = [0_u8; 24];
    let upper = upper.get_mut(..end)?;
    for (upper, byte) in upper.iter_mut().zip(word) {
        *upper = if *byte == b'_' { b'-' } else { byte.to_ascii_uppercase() };
    }
    Some(match &*upper {
        b"PASV" | b"EPSV" | b"LPSV" | b"SPSV" | b"CPSV" => What::Asked,
        b"RETR" | b"STOR" | b"APPE" | b"STOU" | b"LIST" | b"NLST" | b"MLSD" => What::Fetch,
        b"DOWNLOAD" | b"UPLOAD" | b"DOWNLOADED" | b"UPLOADED" | b"OPEN" | b"SENT" | b"CREATED"
        | b"APPENDED" | b"RETRIEVE" | b"STORE" | b"FILE-DOWNLOAD" | b"FILE-UPLOAD"
        | b"FILE-DOWNLOADED" | b"FILE-UPLOADED" | b"DOWNLOAD-FILE" | b"UPLOAD-FILE"
        | b"FILEDOWNLOAD" | b"FILEUPLOAD" | b"FILEDOWNLOADED" | b"FILEUPLOADED" | b"TRANSFER"
        | b"LIST-DIRECTORY" => What::Transferred { took: None },
        b"DATACHANNELOPENED" => What::Opened,
        b"QUIT"
        | b"CONTROLCHANNELCLOSED"
        | b"DISCONNECTED"
        | b"DISCONNECT"
        | b"LOGOUT"
        | b"EXIT"
        | b"BYE"
        | b"LOGGED-OUT"
        | b"SESSION-END"
        | b"SESSION-CLOSED" => What::Over,
        b"USER"
        | b"PASS"
        | b"ACCT"
        | b"CWD"
        | b"XCWD"
        | b"CDUP"
        | b"XCUP"
        | b"SMNT"
        | b"REIN"
        | b"PORT"
        | b"EPRT"
        | b"LPRT"
        | b"TYPE"
        | b"STRU"
        | b"MODE"
        | b"ALLO"
        | b"REST"
        | b"RNFR"
        | b"RNTO"
        | b"ABOR"
        | b"DELE"
        | b"RMD"
        | b"XRMD"
        | b"MKD"
        | b"XMKD"
        | b"PWD"
        | b"XPWD"
        | b"SITE"
        | b"SYST"
        | b"STAT"
        | b"HELP"
        | b"NOOP"
        | b"FEAT"
        | b"OPTS"
        | b"AUTH"
        | b"ADAT"
        | b"PROT"
        | b"PBSZ"
        | b"CCC"
        | b"MIC"
        | b"CONF"
        | b"ENC"
        | b"LANG"
        | b"SIZE"
        | b"MDTM"
        | b"MFMT"
        | b"MFCT"
        | b"MFF"
        | b"MLST"
        | b"HOST"
        | b"CLNT"
        | b"CSID"
        | b"XCRC"
        | b"XMD5"
        | b"XSHA"
        | b"XSHA1"
        | b"XSHA256"
        | b"HASH"
        | b"COMB"
        | b"THMB"
        | b"AVBL"
        | b"DSIZ"
        | b"CLOSE"
        | b"PARTIAL-CLOSE"
        | b"CONNECT"
        | b"CONNECTED"
        | b"CONNECTION"
        | b"LOGIN"
        | b"LOGGED-IN"
        | b"LOGON"
        | b"LOGOFF"
        | b"AUTH-FAILURE"
        | b"AUTHENTICATION"
        | b"AUTHENTICATED"
        | b"LOGIN-FAILED"
        | b"LOGIN-FAILURE"
        | b"LOGIN-SUCCESS"
        | b"TLS-RESUME-FAILURE"
        | b"ERROR"
        | b"DELETE"
        | b"DELETED"
        | b"REMOVE"
        | b"RENAME"
        | b"RENAMED"
        | b"MOVE"
        | b"MKDIR"
        | b"RMDIR"
        | b"CHMOD"
        | b"SETSTAT"
        | b"STATUS"
        | b"CREATE-DIRECTORY"
        | b"REMOVE-DIRECTORY"
        | b"CHANGE-DIRECTORY"
        | b"READ-STATUS"
        | b"SET-STATUS"
        | b"CREATE-SYMLINK"
        | b"CONTROLCHANNELOPENED"
        | b"DATACHANNELCLOSED"
        | b"SESSION-START"
        | b"SESSION-OPENED" => What::Nothing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_replies_and_events() {
        for (text, what) in [
            ("PASV", What::Asked),
            ("epsv 2", What::Asked),
            ("[12]PASV", What::Asked),
            ("RETR a b", What::Fetch),
            ("227 Entering Passive Mode (192,0,2,1,32,0).", What::Replied(227)),
            ("226", What::Replied(226)),
            ("OPEN", What::Transferred { took: None }),
            ("file_upload", What::Transferred { took: None }),
            ("DataChannelOpened", What::Opened),
            ("USER bob", What::Nothing),
        ] {
            assert_eq!(control(text.as_bytes()), Some(what), "{text}");
        }
        for text in ["", "hello", "220-Welcome", "2270 x", "a-word-that-is-longer-than-any-event"] {
            assert_eq!(control(text.as_bytes()), None, "{text}");
        }
    }
}
