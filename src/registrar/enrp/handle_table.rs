//! Serving downloads of the handle table, page by page (RFC 5353 sections 3.2.3 and 3.6.3).
//!
//! A page is bounded in bytes and in places looked at, so that everything else waits for a millisecond at most. The next
//! page begins at the place behind the last one. Places stay while elements come and go, so a download gets every element
//! that was there all the time, whatever happens to the one at the cursor; the others are told by HANDLE_UPDATE.

use super::download::Extent;
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::handlespace::{Element, ElementIndex, PoolIndex};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::{HandleTableRequest, HandleTableResponse, PoolEntry};
use crate::registrar::Step;
use crate::{AssociationId, RegistrarId};
use log::Level;
use std::collections::BTreeMap;

/// Bytes of a page for who is no peer, at most: a pool user that asks meanwhile waits until it is made and sent.
const OBSERVERS_PAGE: usize = 4 << 10;
/// Places looked at for one page: what lies between two elements of one owner counts, too.
const MAX_PLACES: usize = 16_384;

/// The downloads under way: where the next page of each begins.
#[derive(Debug, Default)]
pub(super) struct Downloads(BTreeMap<(AssociationId, Extent), ElementIndex>);

/// What comes of a request for a page.
enum Admission {
    /// The page that begins at this place.
    From(ElementIndex),
    /// There are too many downloads.
    Busy,
}

/// What is to come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    PageIfRoom,
    /// Too much was asked for already.
    Refusal,
}

/// Who reads a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableReader {
    /// A registrar, perhaps rsplib's: lives of elements are in the unit of the scope.
    Registrar,
    /// `rserpool list`, say.
    Observer,
}

impl Downloads {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a download may begin, or go on, and where.
    fn admit(&self, association: AssociationId, extent: Extent, most: usize) -> Admission {
        match self.0.get(&(association, extent)) {
            Some(&next) => Admission::From(next),
            None if self.0.len() >= most => Admission::Busy,
            None => Admission::From(ElementIndex::FIRST),
        }
    }

    /// The next page begins there; none: it was the last one, or the download is broken off.
    fn go_on(&mut self, association: AssociationId, extent: Extent, next: Option<ElementIndex>) {
        match next {
            Some(next) => self.0.insert((association, extent), next),
            None => self.0.remove(&(association, extent)),
        };
    }
}

impl Registrar {
    /// Anybody may ask. A sender that is not a peer gets the table, but no updates.
    pub(super) fn on_handle_table_request(
        &mut self,
        association: AssociationId,
        message: &HandleTableRequest,
        step: &mut Step<'_>,
    ) {
        if self.enrp.peers.contains(message.sender) {
            self.answer_table_request(association, message, Answer::PageIfRoom, step);
        } else {
            self.on_observers_request(association, message, step);
        }
    }

    pub(super) fn answer_table_request(
        &mut self,
        association: AssociationId,
        message: &HandleTableRequest,
        answer: Answer,
        step: &mut Step<'_>,
    ) {
        let extent = Extent::of(message);
        let admission = self.enrp.downloads.admit(association, extent, self.most_downloads(message));
        let refusal = match admission {
            _ if self.enrp.phase == Phase::Starting => Some("it is not there yet"),
            _ if answer == Answer::Refusal => Some("too many wait for it"),
            Admission::Busy => Some("there are too many downloads"),
            Admission::From(_) => None,
        };
        if let Some(why) = refusal {
            log_limited!(
                self.enrp.logs.downloads => self.host_at(association),
                step.now,
                Level::Info,
                "registrar {}: {:?} does not get the handle table: {why}",
                self.id,
                message.sender
            );
        }
        let (entries, next) = match admission {
            Admission::From(place) if refusal.is_none() => self.page(place, extent, message),
            _ => (Vec::new(), None),
        };
        self.enrp.downloads.go_on(association, extent, next);
        let pause = self.config.handle_table_session_timeout;
        self.enrp.timers.set(Timer::Download(association, extent), next.map(|_| step.now + pause));
        self.statistics.handle_table_pages += u64::from(refusal.is_none());
        let (receiver, reject) = (message.sender, refusal.is_some());
        let response = HandleTableResponse { sender: self.id, receiver, reject, more: next.is_some(), entries };
        self.answer_enrp(association, receiver, &EnrpMessage::HandleTableResponse(response), step);
    }

    /// With how many downloads under way one more is refused: those who are no peers leave half of them to peers.
    fn most_downloads(&self, message: &HandleTableRequest) -> usize {
        let most = self.config.max_handle_table_sessions;
        if self.enrp.peers.contains(message.sender) { most } else { most.div_ceil(2) }
    }

    /// An association is gone, and with it its downloads.
    pub(super) fn end_downloads(&mut self, association: AssociationId) {
        self.enrp.observers.forget(association);
        for extent in Extent::BOTH {
            self.end_download(association, extent);
        }
    }

    /// A download is broken off.
    pub(super) fn end_download(&mut self, association: AssociationId, extent: Extent) {
        self.enrp.downloads.go_on(association, extent, None);
        self.enrp.timers.stop(Timer::Download(association, extent));
    }

    /// Who asks for the table. Registrars say whom they ask, also one that was taken over and is no peer at the moment; `rserpool
    /// list`, which has met nobody, cannot.
    fn reader_of(&self, message: &HandleTableRequest) -> TableReader {
        let observes = message.receiver == RegistrarId(0) && !self.enrp.peers.contains(message.sender);
        if observes { TableReader::Observer } else { TableReader::Registrar }
    }

    /// How many bytes the page may have that somebody asks for.
    fn longest_page(&self, message: &HandleTableRequest) -> usize {
        let most = self.config.max_handle_table_page;
        if self.enrp.peers.contains(message.sender) { most } else { most.min(OBSERVERS_PAGE) }
    }

    /// The page that begins at a place, and where the next one begins.
    fn page(
        &self,
        from: ElementIndex,
        extent: Extent,
        message: &HandleTableRequest,
    ) -> (Vec<PoolEntry>, Option<ElementIndex>) {
        let (most, reader) = (self.longest_page(message), self.reader_of(message));
        let mut by_pool: BTreeMap<PoolIndex, Vec<&Element>> = BTreeMap::new();
        let mut bytes = 0;
        let mut next = from.skip(MAX_PLACES);
        for (index, element) in self.handlespace.elements_from(from, MAX_PLACES) {
            if extent == Extent::Own && element.home_registrar() != self.id {
                continue;
            }
            let handle = self.handlespace.pool(element.pool()).map_or(0, |pool| pool.handle().as_bytes().len());
            let more = element.encoded_len() + handle + 8;
            if bytes > 0 && bytes + more > most {
                next = index;
                break;
            }
            bytes += more;
            by_pool.entry(element.pool()).or_default().push(element);
        }
        let entry = |(pool, elements): (PoolIndex, Vec<&Element>)| {
            let pool_elements = elements.into_iter().map(|element| element.pool_element());
            let pool_elements = match reader {
                TableReader::Registrar => pool_elements.map(|pool_element| self.for_peers(pool_element)).collect(),
                TableReader::Observer => pool_elements.collect(),
            };
            Some(PoolEntry { pool_handle: self.handlespace.pool(pool)?.handle().clone(), pool_elements })
        };
        let entries = by_pool.into_iter().filter_map(entry).collect();
        (entries, (next < self.handlespace.end_of_elements()).then_some(next))
    }
}
