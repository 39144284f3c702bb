//! What a page is told as long as it is open, by server-sent events: what has happened, and twice a second how things stand.
//!
//! Each listener is a connection with its thread. It looks into the registrar for itself, a bounded piece of work; one that does not read is
//! left.

use super::answers;
use super::{Current, MAX_REQUEST, REGISTRAR_TIME, Source, events, handlespace, send, uninterrupted};
use crate::{date, json};
use rserpool::driver::clock;
use rserpool::registrar::{Registrar, Statistics};
use rserpool::{RegistrarId, Time};
use socket2::SockRef;
use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Duration;

/// Where to listen.
pub const PATH: &str = "/api/v1/live";
/// Listeners at a time: less than there are connections, so that others are answered, too.
pub const MAX_LISTENERS: usize = 8;
/// How often they are told.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long one may take to read that.
const READING_TIME: Duration = Duration::from_secs(2);
/// What the system keeps for one that does not read.
const SEND_BUFFER: usize = 64 << 10;
/// Events at a time: at the beginning the last ones, and later the last ones of many.
const MAX_EVENTS: usize = 200;

/// Tells a listener what happens, until it goes.
pub fn tell(connection: &mut TcpStream, current: &Current) -> io::Result<()> {
    SockRef::from(&*connection).set_send_buffer_size(SEND_BUFFER)?;
    send(connection, answers::stream_head().as_bytes(), clock::now() + READING_TIME)?;
    let (mut told, mut unasked) = (Told::default(), 0);
    while let Some(source) = current.lock().clone() {
        let Some(text) = told.news(&source) else { break };
        let next = clock::now() + INTERVAL;
        send(connection, text.as_bytes(), clock::now() + READING_TIME)?;
        unasked += wait(connection, next)?;
        if unasked > MAX_REQUEST {
            break;
        }
    }
    Ok(())
}

/// Waits until then, or until the listener goes. How many bytes it has sent, which nobody wants.
fn wait(connection: &mut TcpStream, until: Time) -> io::Result<usize> {
    let (mut chunk, mut read) = ([0; 1024], 0);
    loop {
        let left = until.saturating_since(clock::now());
        if left.is_zero() {
            return Ok(read);
        }
        if read > MAX_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        connection.set_read_timeout(Some(left))?;
        match uninterrupted(connection.read(&mut chunk)) {
            Ok(Some(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => read += length.unwrap_or(0),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(read);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What a listener knows.
#[derive(Default)]
struct Told {
    /// Of which registrar, and which of its events; none: nothing yet.
    last: Option<(RegistrarId, u64)>,
}

impl Told {
    /// What it is told now; none: the registrar does not answer.
    fn news(&mut self, source: &Source) -> Option<String> {
        let (addresses, since, last) = (source.addresses, source.since, self.last);
        let seen = source.window.look(REGISTRAR_TIME, move |registrar, metrics| {
            let told = last.filter(|(id, _)| *id == registrar.id()).map(|(_, number)| number);
            Seen::of(registrar, told, handlespace::registrar(registrar, metrics, addresses, since))
        })?;
        self.last = Some((seen.id, seen.events.next));
        Some(seen.text())
    }
}

/// What the registrar's thread leaves.
struct Seen {
    id: RegistrarId,
    registrar: String,
    registrars: String,
    statistics: Statistics,
    events: events::Seen,
    /// Events that are too many to be told.
    left_out: u64,
    /// These are not what follows, but the last ones.
    is_first: bool,
}

impl Seen {
    fn of(registrar: &Registrar, told: Option<u64>, itself: String) -> Seen {
        let (events, left_out) = match told {
            Some(number) => events::since(registrar, number, MAX_EVENTS),
            None => (events::seen(registrar, &events::Wanted::last(MAX_EVENTS)), 0),
        };
        Seen {
            id: registrar.id(),
            registrar: itself,
            registrars: handlespace::registrars(registrar),
            statistics: *registrar.statistics(),
            events,
            left_out,
            is_first: told.is_none(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.is_first || !self.events.is_empty() {
            let members = [
                ("first", self.is_first.to_string()),
                ("left_out", self.left_out.to_string()),
                ("events", self.events.list()),
            ];
            text += &format!("event: events\ndata: {}\n\n", json::object(members));
        }
        let members = [
            ("time", json::string(&date::now())),
            ("clock_ms", clock::since_1970().as_millis().to_string()),
            ("registrar", self.registrar.clone()),
            ("scope", self.registrars.clone()),
            ("counters", counters(&self.statistics)),
        ];
        text + &format!("event: state\ndata: {}\n\n", json::object(members))
    }
}

/// Those of which the page draws graphs.
fn counters(statistics: &Statistics) -> String {
    let s = statistics;
    let lost = s.removed_by_loss + s.removed_by_timeout + s.removed_by_reports + s.removed_by_expiry;
    json::object(
        [
            ("resolutions", s.resolutions + s.resolutions_failed),
            ("registrations", s.registrations),
            ("lost", lost),
            ("refused", s.registrations_refused + s.denied + s.rate_limited),
        ]
        .map(|(name, value)| (name, value.to_string())),
    )
}
