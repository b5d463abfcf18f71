//! What the ratios of each part refer to.

use crate::{scale, servers, sockets, table};

/// The contestant that others are compared with.
pub(crate) fn of(part: &str) -> Option<&'static str> {
    match part {
        table::PART => Some(table::BASELINE),
        sockets::PART => Some(sockets::BASELINE),
        servers::PART | servers::STRANGERS => Some(servers::BASELINE),
        _ => None,
    }
}

/// The part's heading.
pub(crate) fn title(part: &str) -> &str {
    match part {
        table::PART => "The reservation table",
        sockets::PART => "The two deliveries",
        scale::PART => "Very many reservations",
        servers::PART => "Whole servers",
        servers::STRANGERS => "Strangers",
        part => part,
    }
}
