//! Serving downloads of the handle table, page by page (RFC 5353 sections 3.2.3 and 3.6.3).
//!
//! A page is bounded in bytes and in places looked at, so that everything else waits for a millisecond at most. The next
//! page begins at the place behind the last one. Places stay while elements come and go, so a download gets every element
//! that was there all the time, whatever happens to the one at the cursor; the others are told by HANDLE_UPDATE.

use super::timers::Timer;
use super::{Phase, Registrar};
use crate::AssociationId;
use crate::handlespace::{Element, ElementIndex, PoolIndex};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::{HandleTableRequest, HandleTableResponse, PoolEntry};
use crate::registrar::Step;
use log::Level;
use std::collections::BTreeMap;

/// Places looked at for one page: what lies between two elements of one owner counts, too.
const MAX_PLACES: usize = 16_384;

/// A download under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    next: ElementIndex,
}

impl Registrar {
    /// Anybody may ask: who is not a peer gets the table, but no updates.
    pub(super) fn on_handle_table_request(
        &mut self,
        association: AssociationId,
        message: &HandleTableRequest,
        step: &mut Step<'_>,
    ) {
        let own = message.own_children_only;
        let key = (association, own);
        let from = self.enrp.sessions.get(&key).map(|session| session.next);
        let busy = from.is_none() && self.enrp.sessions.len() >= self.config.max_handle_table_sessions;
        let reject = self.enrp.phase == Phase::Starting || busy;
        if reject {
            log_limited!(
                self.enrp.logs.downloads,
                step.now,
                Level::Info,
                "registrar {}: {:?} does not get the handle table: {}",
                self.id,
                message.sender,
                if busy { "there are too many downloads" } else { "it is not there yet" }
            );
        }
        let (entries, next) =
            if reject { (Vec::new(), None) } else { self.page(from.unwrap_or(ElementIndex::FIRST), own) };
        self.end_session(association, own);
        if let Some(next) = next {
            self.enrp.sessions.insert(key, Session { next });
            self.enrp.timers.set(Timer::Session(association, own), step.now + self.config.handle_table_session_timeout);
        }
        self.statistics.handle_table_pages += u64::from(!reject);
        let receiver = message.sender;
        let response = HandleTableResponse { sender: self.id, receiver, reject, more: next.is_some(), entries };
        self.answer_enrp(association, receiver, &EnrpMessage::HandleTableResponse(response), step);
    }

    /// A download is over, or broken off.
    pub(super) fn end_session(&mut self, association: AssociationId, own: bool) {
        self.enrp.sessions.remove(&(association, own));
        self.enrp.timers.clear(Timer::Session(association, own));
    }

    /// The page that begins at a place, and where the next one begins.
    fn page(&self, from: ElementIndex, own: bool) -> (Vec<PoolEntry>, Option<ElementIndex>) {
        let mut by_pool: BTreeMap<PoolIndex, Vec<&Element>> = BTreeMap::new();
        let mut bytes = 0;
        let mut next = from.skip(MAX_PLACES);
        for (index, element) in self.handlespace.elements_from(from, MAX_PLACES) {
            if own && element.home_registrar() != self.id {
                continue;
            }
            let handle = self.handlespace.pool(element.pool()).map_or(0, |pool| pool.handle().as_bytes().len());
            let more = element.encoded_len() + handle + 8;
            if bytes > 0 && bytes + more > self.config.max_handle_table_page {
                next = index;
                break;
            }
            bytes += more;
            by_pool.entry(element.pool()).or_default().push(element);
        }
        let entry = |(pool, elements): (PoolIndex, Vec<&Element>)| {
            let pool_elements = elements.into_iter().map(|element| element.pool_element()).collect();
            Some(PoolEntry { pool_handle: self.handlespace.pool(pool)?.handle().clone(), pool_elements })
        };
        let entries = by_pool.into_iter().filter_map(entry).collect();
        (entries, (next < self.handlespace.end_of_elements()).then_some(next))
    }
}
