//! What has happened lately, in JSON.

use super::answers::Status;
use super::handlespace::Page;
use super::request::Request;
use crate::{date, json, pool_name};
use rserpool::driver::clock;
use rserpool::registrar::{Registrar, RegistrarEvent};
use rserpool::{PoolHandle, RegistrarId};
use std::time::Duration;

/// Events that are looked at for an answer.
const MAX_LOOKED_AT: usize = 10_000;

/// Which events.
pub struct Wanted {
    page: Page,
    pool: Option<PoolHandle>,
}

impl Wanted {
    pub fn of(request: &Request) -> Result<Wanted, Status> {
        Ok(Wanted { page: Page::of(request)?, pool: request.value("pool").map(PoolHandle::new) })
    }
}

/// Some of them, and after which one to go on.
pub struct Seen {
    events: Vec<RegistrarEvent>,
    next: u64,
    /// The oldest one that is kept, whatever is wanted.
    oldest: Option<u64>,
}

pub fn seen(registrar: &Registrar, wanted: &Wanted) -> Seen {
    let oldest = registrar.events_after(0).next().map(|event| event.number);
    let mut seen = Seen { events: Vec::new(), next: wanted.page.after, oldest };
    for event in registrar.events_after(wanted.page.after).take(MAX_LOOKED_AT) {
        seen.next = event.number;
        if wanted.pool.is_none() || wanted.pool == event.pool {
            seen.events.push(event.clone());
        }
        if seen.events.len() >= wanted.page.limit {
            break;
        }
    }
    seen
}

/// With when the registrar began, as another one numbers its events anew.
pub fn json(seen: &Seen, since: Duration) -> String {
    let events = json::array(seen.events.iter().map(event));
    let oldest = seen.oldest.map_or("null".to_owned(), |number| number.to_string());
    json::object([
        ("registrar_since", json::string(&date::of(since))),
        ("oldest", oldest),
        ("events", events),
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
