//! What a registrar knows, in JSON, page by page.

use super::answers::Status;
use super::request::Request;
use crate::{date, json, pool_name, show};
use rserpool::driver::clock;
use rserpool::driver::registrar::{RegistrarAddresses, RegistrarMetrics};
use rserpool::handlespace::{Element, ElementIndex, Handlespace, PoolIndex};
use rserpool::registrar::{PeerState, Registrar};
use rserpool::wire::PoolElement;
use rserpool::{PoolHandle, RegistrarId};
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
        let limit = request.number("limit", USUAL_PAGE)?.min(LONGEST_PAGE);
        Ok(Page { after: request.number("after", 0)?, limit: usize::try_from(limit.max(1)).unwrap_or(1) })
    }

    fn place(self) -> u32 {
        u32::try_from(self.after).unwrap_or(u32::MAX)
    }
}

/// A page, as the registrar's thread leaves it: what takes long is done elsewhere.
pub struct List<T> {
    name: &'static str,
    items: Vec<T>,
    /// What to ask for next; none: that was all.
    next: Option<u64>,
}

/// A pool.
pub struct PoolLine {
    handle: PoolHandle,
    policy: String,
    elements: usize,
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

impl List<(PoolHandle, PoolElement)> {
    pub fn json(&self) -> String {
        self.json_of(|(pool, element)| {
            let pool = json::string(&pool_name::show(pool));
            json::object([("pool", pool), ("element", show::element_json(element))])
        })
    }
}

impl<T> List<T> {
    fn json_of(&self, item: impl Fn(&T) -> String) -> String {
        let next = self.next.map_or("null".to_owned(), |next| next.to_string());
        json::object([(self.name, json::array(self.items.iter().map(item))), ("next", next)])
    }
}

pub fn pools(registrar: &Registrar, page: Page) -> List<PoolLine> {
    let mut list = List { name: "pools", items: Vec::new(), next: None };
    for (index, pool) in registrar.handlespace().pools_from(Some(PoolIndex::at(page.place()))) {
        if list.items.len() == page.limit {
            list.next = Some(index.place().into());
            break;
        }
        let (handle, policy) = (pool.handle().clone(), show::policy(pool.policy()));
        list.items.push(PoolLine { handle, policy, elements: pool.len() });
    }
    list
}

/// Those of a pool, or of all; none: there is no such pool.
pub fn elements(
    registrar: &Registrar,
    pool: Option<&PoolHandle>,
    page: Page,
) -> Option<List<(PoolHandle, PoolElement)>> {
    let handlespace = registrar.handlespace();
    let mut list = List { name: "elements", items: Vec::new(), next: None };
    if let Some(handle) = pool {
        let pool = handlespace.pool(handlespace.find_pool(handle)?)?;
        let first = usize::try_from(page.after).unwrap_or(usize::MAX);
        let all = pool.elements().skip(first).filter_map(|index| handlespace.element(index));
        list.items.extend(all.take(page.limit).filter_map(|element| with_pool(handlespace, element)));
        let seen = page.after.saturating_add(list.items.len() as u64);
        list.next = (seen < pool.len() as u64).then_some(seen);
        return Some(list);
    }
    let first = ElementIndex::FIRST.skip(page.place() as usize);
    for (index, element) in handlespace.elements_from(first, MAX_PLACES) {
        list.items.extend(with_pool(handlespace, element));
        if list.items.len() >= page.limit {
            list.next = Some(u64::from(index.place()) + 1);
            return Some(list);
        }
    }
    let end = first.skip(MAX_PLACES);
    list.next = (end < handlespace.end_of_elements()).then(|| end.place().into());
    Some(list)
}

fn with_pool(handlespace: &Handlespace, element: &Element) -> Option<(PoolHandle, PoolElement)> {
    Some((handlespace.pool(element.pool())?.handle().clone(), element.pool_element()))
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
        let address = peer.address.as_ref().map_or("null".to_owned(), |address| json::string(&address.to_string()));
        json::object([
            ("id", json::string(&peer.id.to_string())),
            ("address", address),
            ("state", json::string(state_name(peer.state))),
            ("connected", peer.connected.to_string()),
            ("silent_ms", now.saturating_since(peer.last_heard).as_millis().to_string()),
            ("elements", elements_of(registrar, peer.id).to_string()),
            ("agrees", peer.agrees.map_or("null".to_owned(), |agrees| agrees.to_string())),
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
