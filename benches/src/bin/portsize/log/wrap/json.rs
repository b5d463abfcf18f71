//! Lines that are the message of a JSON object.

use serde_json::{Map, Value};

use super::{Off, Rest};
use crate::log::columns;
use crate::log::session;
use crate::log::time::Times;

/// Where the line is.
const MESSAGES: [&str; 7] = ["log", "MESSAGE", "message", "msg", "textPayload", "_raw", "line"];

pub(super) fn message(text: &[u8], times: &mut Times) -> Option<Off> {
    if text.first() != Some(&b'{') {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let message = MESSAGES.iter().find_map(|name| object.get(*name))?.as_str()?;
    let at = object
        .iter()
        .filter(|(name, _)| columns::is_time(name))
        .find_map(|(_, value)| columns::moment(value, times));
    let text_of = |name: &str| object.get(name)?.as_str();
    let program = text_of("SYSLOG_IDENTIFIER").map(|name| name.as_bytes().into());
    let session = text_of("_PID").map(|pid| session(&[pid.as_bytes()]));
    Some(Off { rest: Rest::Text(message.trim_end().as_bytes().to_vec()), at, program, session })
}
