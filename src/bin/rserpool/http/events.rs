//! What has happened lately, in JSON.

use super::answers::Status;
use super::handlespace::Page;
use super::request::Request;
use crate::{date, json, pool_name};
use rserpool::driver::clock;
use rserpool::registrar::{Registrar, RegistrarEvent};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

/// Events that are looked at for an answer.
const MAX_LOOKED_AT: usize = 10_000;

/// Which events.
pub struct Wanted {
    page: Page,
    pool: Option<PoolHandle>,
    element: Option<PoolElementId>,
    /// The last ones, rather than the first ones behind a number.
    last: Option<usize>,
}

impl Wanted {
    pub fn of(request: &Request) -> Result<Wanted, Status> {
        let last = match request.value("last") {
            Some(_) => Some(Page::limit_of(request.number("last", 0)?)),
            None => None,
        };
        let (pool, element) = (request.value("pool").map(PoolHandle::new), request.element()?);
        Ok(Wanted { page: Page::of(request)?, pool, element, last })
    }

    /// The last ones, whatever they are about.
    pub fn last(count: usize) -> Wanted {
        Wanted { page: Page { after: 0, limit: count }, pool: None, element: None, last: Some(count) }
    }

    fn includes(&self, event: &RegistrarEvent) -> bool {
        (self.pool.is_none() || self.pool == event.pool) && (self.element.is_none() || self.element == event.element)
    }
}

/// Some of them, and after which one to go on.
pub struct Seen {
    events: Vec<RegistrarEvent>,
    pub next: u64,
    /// The oldest one that is kept, whatever is wanted.
    oldest: Option<u64>,
}

impl Seen {
    fn none(registrar: &Registrar, next: u64) -> Seen {
        let oldest = registrar.events_after(0).next().map(|event| event.number);
        Seen { events: Vec::new(), next, oldest }
    }
}

pub fn seen(registrar: &Registrar, wanted: &Wanted) -> Seen {
    match wanted.last {
        Some(count) => last(registrar, wanted, count),
        None => first(registrar, wanted),
    }
}

fn first(registrar: &Registrar, wanted: &Wanted) -> Seen {
    let mut seen = Seen::none(registrar, wanted.page.after);
    for event in registrar.events_after(wanted.page.after).take(MAX_LOOKED_AT) {
        seen.next = event.number;
        if wanted.includes(event) {
            seen.events.push(event.clone());
        }
        if seen.events.len() >= wanted.page.limit {
            break;
        }
    }
    seen
}

/// In their order, too.
fn last(registrar: &Registrar, wanted: &Wanted, count: usize) -> Seen {
    let latest = registrar.events_after(wanted.page.after).next_back();
    let mut seen = Seen::none(registrar, latest.map_or(wanted.page.after, |event| event.number));
    let backwards = registrar.events_after(wanted.page.after).rev().take(MAX_LOOKED_AT);
    seen.events.extend(backwards.filter(|event| wanted.includes(event)).take(count).cloned());
    seen.events.reverse();
    seen
}

/// Those that have come behind one; where there are more than `most`, the last ones, and how many others.
pub fn since(registrar: &Registrar, after: u64, most: usize) -> (Seen, u64) {
    let seen = last(registrar, &Wanted { page: Page { after, limit: most }, ..Wanted::last(most) }, most);
    let others = (seen.next - after).saturating_sub(seen.events.len() as u64);
    (seen, others)
}

impl Seen {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// An array.
    pub fn list(&self) -> String {
        json::array(self.events.iter().map(event))
    }
}

/// With when the registrar began, as another one numbers its events anew.
pub fn json(seen: &Seen, since: Duration) -> String {
    let oldest = json::or_null(seen.oldest.map(|number| number.to_string()));
    json::object([
        ("registrar_since", json::string(&date::of(since))),
        ("oldest", oldest),
        ("events", seen.list()),
        ("next", seen.next.to_string()),
    ])
}

fn event(event: &RegistrarEvent) -> String {
    json::object(members(event))
}

/// What is said of an event, in the list and in the log.
pub fn members(event: &RegistrarEvent) -> Vec<(&'static str, String)> {
    let ago = clock::now().saturating_since(event.at);
    let mut members = vec![
        ("number", event.number.to_string()),
        ("time", json::string(&date::of(clock::since_1970().saturating_sub(ago)))),
        ("event", json::string(event.kind.name())),
    ];
    members.extend(event.pool.as_ref().map(|pool| ("pool", json::string(&pool_name::show(pool)))));
    members.extend(event.element.map(|id| ("element", json::string(&id.to_string()))));
    members.extend(event.registrar.map(|id: RegistrarId| ("registrar", json::string(&id.to_string()))));
    members.push(("cause", json::string(&event.cause)));
    members
}
