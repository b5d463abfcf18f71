//! What the lines of one log come to: its requests, and how long each took from the reply to the
//! connection.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::client::{Client, Clients};
use super::shown::shortened;
use super::time::Moment;
use super::{Event, Said, What, session};
use crate::recording::{Grain, NOT_MEASURED};

/// A request as it is noted: 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// Nanoseconds since 1970.
    pub(super) at: i64,
    pub(super) client: u32,
    /// Microseconds, as in a recording.
    pub(super) held: u32,
}

/// What a log's requests are, from what says most to what says least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Tells {
    /// Commands that transfer, which may have been refused.
    #[default]
    Fetches,
    /// Transfers, after a port was asked for.
    Transfers,
    /// The requests themselves.
    Requests,
}

/// Longer, nobody holds a port: it was another transfer's.
const LONGEST_HELD: i64 = 600_000_000_000;
/// Lines of several processes may stand a little out of order.
const OUT_OF_ORDER: i64 = 2_000_000_000;
/// Sessions that were never ended are forgotten when there are more.
const MOST_OPEN: usize = 100_000;
const VOID: u32 = u32::MAX;
const SECOND: i64 = 1_000_000_000;

/// What is kept while reading.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) tells: Tells,
    pub(super) requests: Vec<Noted>,
    open: HashMap<u64, Open, RandomState>,
    owners: HashMap<u64, u32, RandomState>,
    replies_seen: bool,
    pub(super) grain: Grain,
    pub(super) lines: u64,
    pub(super) unreadable: u64,
    /// The number and the beginning of the first line that could not be read.
    pub(super) first_unreadable: Option<(u64, String)>,
    /// Some more of them.
    pub(super) sample: Vec<Vec<u8>>,
    pub(super) last_unreadable: u64,
    pub(super) times: Order,
    /// Whether some times name no zone, and whether some do.
    pub(super) zones: (bool, bool),
    /// Transfers by other protocols.
    pub(super) portless: u64,
    /// Transfers that the server did not log, because there were too many.
    pub(super) left_out: u64,
    /// Of sessions that began before the log.
    pub(super) orphans: u64,
    /// Transfers from before the log told of requests, and after.
    pub(super) transfers: (u64, u64),
    pub(super) held: Held,
}

/// In what order the lines stand.
#[derive(Debug, Default)]
pub(super) struct Order {
    last: Option<i64>,
    pub(super) first: i64,
    pub(super) up: u64,
    pub(super) down: u64,
    /// Steps back that are too long to be anybody's delay: how many, the first one's line, and
    /// the longest, from one moment to another.
    pub(super) back: u64,
    pub(super) first_back: u64,
    pub(super) longest_back: (i64, i64),
}

impl Order {
    fn take(&mut self, at: i64, line: u64) {
        let Some(last) = self.last.replace(at) else {
            self.first = at;
            return;
        };
        self.up += u64::from(at > last);
        self.down += u64::from(at < last);
        if at < last - OUT_OF_ORDER {
            self.back += 1;
            if self.back == 1 {
                self.first_back = line;
            }
            let (from, to) = self.longest_back;
            if last - at > from - to {
                self.longest_back = (last, at);
            }
        }
    }

    /// Whether the lines stand the other way round, the newest first.
    pub(super) fn newest_first(&self) -> bool {
        self.down > 3 && self.down > 20 * self.up
    }

    /// Whether what follows in the file has followed in time.
    pub(super) fn is_kept(&self) -> bool {
        self.back == 0 || self.back * 100 < self.up + self.down
    }
}

/// Sums of the times from reply to connection, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

/// A request that awaits its connection.
#[derive(Clone, Copy, Debug)]
struct Open {
    request: usize,
    /// When it was made, or replied to.
    at: i64,
    /// Requests without a reply yet.
    unreplied: u32,
    /// Whether there are others, that cannot be told apart from it.
    crowd: bool,
    /// When the command came that needs the connection.
    fetch: Option<i64>,
}

impl Notes {
    /// Notes what a line says.
    pub(super) fn take(&mut self, said: Said<'_>, text: &[u8], clients: &mut Clients) {
        self.lines += 1;
        let noted = match said {
            Said::Event(event) => self.event(&event, clients),
            Said::Other => true,
            Said::Unreadable => false,
        };
        if !noted {
            self.unreadable(text);
        }
    }

    pub(super) fn other(&mut self) {
        self.lines += 1;
    }

    pub(super) fn unread(&mut self, text: &[u8]) {
        self.lines += 1;
        self.unreadable(text);
    }

    fn unreadable(&mut self, text: &[u8]) {
        self.unreadable += 1;
        self.last_unreadable = self.lines;
        let number = self.lines;
        self.first_unreadable.get_or_insert_with(|| (number, shortened(text)));
        if self.sample.len() < 50 {
            self.sample.push(text[..text.len().min(2000)].to_vec());
        }
    }

    fn event(&mut self, event: &Event<'_>, clients: &mut Clients) -> bool {
        let Event { at, client, session: id, what } = *event;
        self.times.take(at.at, self.lines);
        let takes_port =
            !matches!(what, What::Nothing | What::Over | What::Portless | What::LeftOut(_));
        if !takes_port {
            match (what, id, client) {
                (What::Portless, ..) => self.portless += 1,
                (What::LeftOut(count), ..) => self.left_out = self.left_out.saturating_add(count),
                (What::Over, Some(id), _) => {
                    self.open.remove(&id);
                }
                // Who has not said yet whose the session is may need it.
                (What::Nothing, Some(id), Some(text)) if self.owners.len() < MOST_OPEN => {
                    if let Some(client @ Client::Address(_)) = Client::read(text) {
                        let number = clients.number(client);
                        self.owners.insert(id, number);
                    }
                }
                _ => {}
            }
            return true;
        }
        let client = match client {
            Some(text) => Client::read(text).map(|client| clients.number(client)),
            None => match id.and_then(|id| self.owners.get(&id)) {
                Some(&owner) => Some(owner),
                None => {
                    self.orphans += 1;
                    return true;
                }
            },
        };
        let Some(client) = client else { return false };
        if at.zoned {
            self.zones.1 = true;
        } else {
            self.zones.0 = true;
        }
        let key = id.unwrap_or_else(|| session(&[&client.to_le_bytes()]));
        match what {
            What::Asked => self.asked(at, client, key, id.is_none()),
            What::AskedAndReplied(code) => {
                if code < 500 {
                    self.asked(at, client, key, id.is_none());
                    self.replied(code, at, client, key, id.is_none());
                }
            }
            What::Replied(code) => self.replied(code, at, client, key, id.is_none()),
            What::Fetch => {
                self.request_of(Tells::Fetches, at, at.at, client);
                // Where no replies are logged, the transfer is taken to begin with its command.
                if !self.replies_seen {
                    self.connected(key, at.at, at.grain);
                } else if let Some(open) = self.open.get_mut(&key) {
                    open.fetch = Some(at.at);
                }
            }
            What::Opened => self.connected(key, at.at, at.grain),
            What::Transferred { took } => {
                self.request_of(Tells::Transfers, at, at.at - took.unwrap_or(0), client);
                match took {
                    Some(took) => self.connected(key, at.at - took, at.grain),
                    None if id.is_some() => {
                        self.open.remove(&key);
                    }
                    None => {}
                }
            }
            What::Over | What::Nothing | What::Portless | What::LeftOut(_) => {}
        }
        true
    }

    fn asked(&mut self, at: Moment, client: u32, key: u64, shared: bool) {
        self.request_of(Tells::Requests, at, at.at, client);
        let request = self.requests.len() - 1;
        if self.open.len() >= MOST_OPEN {
            self.open.retain(|_, open| (at.at - open.at).abs() < LONGEST_HELD);
        }
        let open = self.open.entry(key);
        open.and_modify(|open| {
            if shared {
                open.crowd = true;
                open.unreplied += 1;
            } else {
                // A session's new request replaces its old one.
                open.unreplied = 1;
            }
            (open.request, open.at, open.fetch) = (request, at.at, None);
        })
        .or_insert(Open { request, at: at.at, unreplied: 1, crowd: false, fetch: None });
    }

    fn replied(&mut self, code: u16, at: Moment, client: u32, key: u64, shared: bool) {
        self.replies_seen = true;
        let awaited = self.open.get_mut(&key).filter(|open| open.unreplied > 0);
        match (code, awaited) {
            (227..=229, Some(open)) => {
                open.unreplied -= 1;
                open.at = at.at;
            }
            (227..=229, None) => {
                self.asked(at, client, key, shared);
                if let Some(open) = self.open.get_mut(&key) {
                    open.unreplied -= 1;
                }
            }
            (125 | 150, _) => self.connected(key, at.at, at.grain),
            // It has ended well, and the reply at its beginning is not logged.
            (226 | 250, None) => {
                let began = self.open.get(&key).and_then(|open| open.fetch);
                if let Some(began) = began {
                    self.connected(key, began, at.grain);
                }
            }
            (400..=499, Some(open)) => {
                // It was a request, but got no port.
                open.unreplied -= 1;
                if !open.crowd {
                    self.open.remove(&key);
                }
            }
            (500..=599, Some(open)) => {
                // The command is not known here, or not allowed: no port was asked for.
                open.unreplied -= 1;
                let request = open.request;
                if !open.crowd {
                    self.open.remove(&key);
                }
                self.requests[request].client = VOID;
            }
            _ => {}
        }
    }

    /// Notes a request, unless others say more.
    fn request_of(&mut self, tells: Tells, at: Moment, began: i64, client: u32) {
        if tells > self.tells {
            if tells == Tells::Requests && self.tells == Tells::Transfers {
                self.transfers.0 = self.requests.len() as u64;
            }
            self.tells = tells;
            self.requests.clear();
            self.grain = Grain::Fine;
        } else if tells < self.tells {
            self.transfers.1 += u64::from(tells == Tells::Transfers);
            return;
        }
        self.grain = self.grain.max(at.grain);
        self.requests.push(Noted { at: began, client, held: NOT_MEASURED });
    }

    /// The connection of a request has come.
    fn connected(&mut self, key: u64, at: i64, grain: Grain) {
        let Some(open) = self.open.remove(&key) else { return };
        let held = at - open.at;
        let slack = if grain == Grain::Second { SECOND } else { 0 };
        let replied = open.unreplied == 0 || !self.replies_seen;
        if open.crowd || !replied || grain == Grain::Minute {
            return;
        }
        if !(-slack..LONGEST_HELD).contains(&held) {
            return;
        }
        let Some(noted) = self.requests.get_mut(open.request) else { return };
        noted.held = u32::try_from(held.max(0) / 1000).unwrap_or(NOT_MEASURED - 1);
        let seconds = held as f64 / 1e9;
        self.held.count += 1;
        self.held.sum += seconds;
        self.held.squares += seconds * seconds;
    }

    /// Nothing more comes: what turned out to be no request is left out.
    pub(super) fn end(&mut self) {
        self.requests.retain(|noted| noted.client != VOID);
        self.requests.shrink_to_fit();
        (self.open, self.owners) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::time::Times;

    fn notes(events: &[(f64, &str, Option<u64>, What)]) -> Notes {
        let (mut notes, mut clients) = (Notes::default(), Clients::default());
        for &(at, client, session, what) in events {
            let mut at_moment = Times::epoch(b"1752156151.0").unwrap();
            at_moment.at += (at * 1e9) as i64;
            let client = Some(client.as_bytes());
            let event = Event { at: at_moment, client, session, what };
            notes.take(Said::Event(event), b"", &mut clients);
        }
        notes.end();
        notes
    }

    const A: &str = "192.0.2.7";

    #[test]
    fn a_command_and_its_reply_are_one_request_and_a_refused_command_is_none() {
        let one = Some(1);
        let notes = notes(&[
            (0.0, A, one, What::Asked),
            (0.1, A, one, What::Replied(502)),
            (0.2, A, one, What::Asked),
            (0.3, A, one, What::Replied(227)),
            (0.7, A, one, What::Replied(150)),
            (0.9, A, one, What::Replied(226)),
            (1.0, A, one, What::Asked),
            (1.1, A, one, What::Replied(425)),
            (2.0, A, one, What::Replied(229)),
        ]);
        assert_eq!(notes.tells, Tells::Requests);
        assert_eq!(notes.requests.len(), 3);
        assert_eq!(notes.requests[0].held, 400_000);
        assert_eq!(notes.held.count, 1);
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_measured() {
        let notes = notes(&[
            (0.0, A, None, What::AskedAndReplied(227)),
            (0.1, A, None, What::AskedAndReplied(227)),
            (0.3, A, None, What::Opened),
            (5.0, A, None, What::AskedAndReplied(227)),
            (5.5, A, None, What::Opened),
        ]);
        assert_eq!((notes.requests.len(), notes.held.count), (3, 1));
        assert_eq!(notes.held.sum, 0.5);
    }

    #[test]
    fn requests_say_more_than_transfers() {
        let took = What::Transferred { took: Some(1_000_000_000) };
        let told = notes(&[(0.0, A, None, took), (1.0, A, None, took)]);
        assert_eq!((told.tells, told.requests.len()), (Tells::Transfers, 2));
        assert_eq!(told.requests[0].at, 1_752_156_150_000_000_000);
        let more =
            notes(&[(0.0, A, None, took), (1.0, A, None, What::Asked), (2.0, A, None, took)]);
        assert_eq!((more.requests.len(), more.transfers), (1, (1, 1)));
    }

    #[test]
    fn steps_back_are_counted_but_not_delays() {
        let nothing = |at| (at, A, Some(1), What::Asked);
        let notes = notes(&[nothing(10.0), nothing(9.0), nothing(11.0), nothing(3.0)]);
        assert_eq!((notes.times.back, notes.times.first_back), (1, 4));
        assert!(!notes.times.newest_first());
    }
}
