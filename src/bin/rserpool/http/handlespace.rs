//! What a registrar knows, in JSON, page by page.

use super::answers::Status;
use super::element::ElementLine;
use super::request::Request;
use crate::{date, json, pool_name, show};
use rserpool::driver::clock;
use rserpool::driver::registrar::{RegistrarAddresses, RegistrarMetrics};
use rserpool::handlespace::{ElementIndex, PoolIndex};
use rserpool::registrar::{PeerState, Registrar};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

/// What a page has, where nobody asks for another number, and at most.
const USUAL_PAGE: u64 = 100;
const LONGEST_PAGE: u64 = 1000;
/// Places that are looked at for a page: some of them are empty.
const MAX_PLACES: usize = 4096;

/// Which part of a list.
#[derive(Clone, Copy)]
pub struct Page {
    /// What the page before ended with; zero for the first.
    pub after: u64,
    pub limit: usize,
}

impl Page {
    pub fn of(request: &Request) -> Result<Page, Status> {
        let limit = Page::limit_of(request.number("limit", USUAL_PAGE)?);
        Ok(Page { after: request.number("after", 0)?, limit })
    }

    /// What is given of a number that is asked for.
    pub fn limit_of(asked: u64) -> usize {
        usize::try_from(asked.clamp(1, LONGEST_PAGE)).unwrap_or(1)
    }

    fn place(self) -> u32 {
        u32::try_from(self.after).unwrap_or(u32::MAX)
    }
}

/// A page, as the registrar's thread leaves it: what takes long is done elsewhere.
pub struct List<T> {
    pub name: &'static str,
    pub items: Vec<T>,
    /// What to ask for next; none: that was all.
    pub next: Option<u64>,
}

/// What has a place in a list and words in it.
pub trait Line {
    /// What to go on with behind it.
    fn next(&self) -> u64;
    /// All that it has to say, for a search.
    fn words(&self) -> String;
}

/// A pool.
pub struct PoolLine {
    next: u64,
    handle: PoolHandle,
    policy: String,
    elements: usize,
}

impl Line for PoolLine {
    fn next(&self) -> u64 {
        self.next
    }

    fn words(&self) -> String {
        format!("{} {}", pool_name::show(&self.handle), self.policy)
    }
}

impl List<PoolLine> {
    pub fn json(&self) -> String {
        self.json_of(|pool| {
            json::object([
                ("pool", json::string(&pool_name::show(&pool.handle))),
                ("policy", json::string(&pool.policy)),
                ("elements", pool.elements.to_string()),
            ])
        })
    }
}

impl List<ElementLine> {
    pub fn json(&self) -> String {
        self.json_of(ElementLine::json)
    }
}

impl<T> List<T> {
    fn new(name: &'static str) -> List<T> {
        List { name, items: Vec::new(), next: None }
    }

    fn json_of(&self, item: impl Fn(&T) -> String) -> String {
        let next = json::or_null(self.next.map(|next| next.to_string()));
        json::object([(self.name, json::array(self.items.iter().map(item))), ("next", next)])
    }
}

pub fn pools(registrar: &Registrar, page: Page) -> List<PoolLine> {
    let mut list = List::new("pools");
    for (index, pool) in registrar.handlespace().pools_from(Some(PoolIndex::at(page.place()))) {
        if list.items.len() == page.limit {
            list.next = Some(index.place().into());
            break;
        }
        let (handle, policy) = (pool.handle().clone(), show::policy(pool.policy()));
        list.items.push(PoolLine { next: u64::from(index.place()) + 1, handle, policy, elements: pool.len() });
    }
    list
}

/// Which elements.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those of this pool only.
    pub pool: Option<PoolHandle>,
    /// This one of it only.
    pub element: Option<PoolElementId>,
}

impl Wanted {
    pub fn of(request: &Request) -> Result<Wanted, Status> {
        let pool = request.value("pool").map(PoolHandle::new);
        let element = request.element()?;
        // Identifiers are those of a pool.
        if element.is_some() && pool.is_none() { Err(Status::BadRequest) } else { Ok(Wanted { pool, element }) }
    }
}

/// Those that are wanted; none: there is no such pool, or element.
pub fn elements(registrar: &Registrar, wanted: &Wanted, page: Page) -> Option<List<ElementLine>> {
    let handlespace = registrar.handlespace();
    let line = |next, element| ElementLine::of(registrar, next, element);
    let mut list = List::new("elements");
    match (&wanted.pool, wanted.element) {
        (Some(pool), Some(id)) => {
            let index = handlespace.find(pool, id)?;
            list.items.extend(line(u64::from(index.place()) + 1, handlespace.element(index)?));
        }
        (Some(pool), None) => {
            let pool = handlespace.pool(handlespace.find_pool(pool)?)?;
            let first = usize::try_from(page.after).unwrap_or(usize::MAX);
            let all = pool.elements().enumerate().skip(first).take(page.limit);
            list.items.extend(all.filter_map(|(at, index)| line(at as u64 + 1, handlespace.element(index)?)));
            let seen = page.after.saturating_add(list.items.len() as u64);
            list.next = (seen < pool.len() as u64).then_some(seen);
        }
        (None, _) => {
            let first = ElementIndex::FIRST.skip(page.place() as usize);
            for (index, element) in handlespace.elements_from(first, MAX_PLACES) {
                let next = u64::from(index.place()) + 1;
                list.items.extend(line(next, element));
                if list.items.len() >= page.limit {
                    list.next = Some(next);
                    return Some(list);
                }
            }
            let end = first.skip(MAX_PLACES);
            list.next = (end < handlespace.end_of_elements()).then(|| end.place().into());
        }
    }
    Some(list)
}

pub fn registrar(
    registrar: &Registrar,
    metrics: &RegistrarMetrics,
    addresses: RegistrarAddresses,
    since: Duration,
) -> String {
    let (id, handlespace) = (registrar.id(), registrar.handlespace());
    let state = match (registrar.is_serving(), registrar.is_ready()) {
        (true, _) => "ready",
        (false, true) => "leaving",
        (false, false) => "starting",
    };
    json::object([
        ("id", json::string(&id.to_string())),
        ("version", json::string(env!("CARGO_PKG_VERSION"))),
        ("state", json::string(state)),
        ("since", json::string(&date::of(since))),
        ("asap", json::string(&addresses.asap.to_string())),
        ("enrp", json::string(&addresses.enrp.to_string())),
        ("transport", json::string(&addresses.kind.to_string())),
        ("pools", handlespace.pool_count().to_string()),
        ("elements", handlespace.element_count().to_string()),
        ("own_elements", handlespace.count_of_owner(id).to_string()),
        ("associations", metrics.associations.to_string()),
        ("subscriptions", registrar.subscription_count().to_string()),
        ("peers", registrar.peers().count().to_string()),
    ])
}

pub fn registrars(registrar: &Registrar) -> String {
    let now = clock::now();
    let peers = registrar.peers().map(|peer| {
        let address = json::or_null(peer.address.as_ref().map(|address| json::string(&address.to_string())));
        json::object([
            ("id", json::string(&peer.id.to_string())),
            ("address", address),
            ("state", json::string(state_name(peer.state))),
            ("connected", peer.connected.to_string()),
            ("silent_ms", now.saturating_since(peer.last_heard).as_millis().to_string()),
            ("elements", elements_of(registrar, peer.id).to_string()),
            ("agrees", json::or_null(peer.agrees.map(|agrees| agrees.to_string()))),
        ])
    });
    json::object([("registrars", json::array(peers))])
}

fn elements_of(registrar: &Registrar, id: RegistrarId) -> usize {
    registrar.handlespace().count_of_owner(id)
}

/// What is thought of a peer, in a word.
pub fn state_name(state: PeerState) -> &'static str {
    match state {
        PeerState::Active => "active",
        PeerState::Suspected => "suspected",
        PeerState::Dead => "dead",
        PeerState::NotActive => "not_active",
    }
}
