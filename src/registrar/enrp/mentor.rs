//! The start of a registrar (RFC 5353 section 3.2): list of registrars and handle table from a mentor.
//!
//! While it starts, a registrar takes registrations, because an element that registers has a good reason to make it its home. It sends
//! pool users away, because pools that it does not know yet may exist. It gives nobody lists and tables.
//!
//! Whatever goes wrong, the start ends: after `mentor_discovery_timeout` without a mentor, and after some attempts with mentors
//! that reject or break off. What is missing then comes with the audits of all peers. Registrars that start together and
//! have only each other as mentors would reject each other for ever: the one with the highest identifier goes first.

use super::download::Page;
use super::peers::Peer;
use super::start::{Contacts, Next, Useless, WaitsFor};
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::{HandleTableRequest, HandleTableResponse, ListRequest, ListResponse};
use crate::registrar::Step;
use crate::registrar::events::{About, EventKind};
use crate::registrar::lateness::Lateness;
use crate::registrar::sources::Costly;
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::time::Duration;

/// The pause before a mentor that rejected is asked again, at most ("a few seconds").
const LONGEST_REJECT_PAUSE: Duration = Duration::from_secs(1);

/// Finding a mentor.
impl Registrar {
    /// Whether the registrar has what it needs to serve.
    pub fn is_ready(&self) -> bool {
        matches!(self.enrp.phase, Phase::Ready | Phase::Leaving)
    }

    /// Whether it does, and will go on: it is not leaving.
    pub fn is_serving(&self) -> bool {
        self.enrp.phase == Phase::Ready
    }

    /// Something about the peers has changed: perhaps there is a mentor now, or none any more.
    pub(super) fn look_for_mentor(&mut self, step: &mut Step<'_>) {
        if self.enrp.phase != Phase::Starting {
            return;
        }
        match self.enrp.start.waits_for() {
            WaitsFor::Mentor => self.ask_next_mentor(step),
            WaitsFor::List(mentor) | WaitsFor::Table(mentor) => {
                if !self.enrp.peers.is_connected(mentor) {
                    self.give_up_mentor(mentor, Useless::Gone, step);
                }
            }
            WaitsFor::Pause => {}
        }
    }

    fn ask_next_mentor(&mut self, step: &mut Step<'_>) {
        let peers = self.enrp.peers.ids(Peer::is_connected);
        let contacts = if self.enrp.contacts.any_pending() { Contacts::Pending } else { Contacts::AllTried };
        match self.enrp.start.next(step.now, self.id, &peers, contacts) {
            Next::Ask(mentor) => self.ask_mentor_for_list(mentor, step),
            Next::Wait(until) => self.enrp.timers.set(Timer::Start, until),
            Next::Pause => {
                let pause = LONGEST_REJECT_PAUSE.min(self.config.max_time_no_response / 4);
                let jitter = self.random.within(pause / 4);
                self.enrp.timers.set(Timer::Start, step.now + pause + jitter);
            }
            Next::End(how) => self.become_ready(how, step),
        }
    }

    pub(super) fn on_start_timer_expired(&mut self, at: Time, step: &mut Step<'_>) {
        if self.enrp.phase != Phase::Starting {
            return;
        }
        match self.enrp.start.waits_for() {
            WaitsFor::Mentor | WaitsFor::Pause => self.ask_next_mentor(step),
            // The answer may be waiting to be read.
            WaitsFor::List(_) | WaitsFor::Table(_) if Lateness::of(step.now, at) == Lateness::Late => {
                self.enrp.timers.set(Timer::Start, step.now + self.config.max_time_no_response);
            }
            WaitsFor::List(mentor) | WaitsFor::Table(mentor) => self.give_up_mentor(mentor, Useless::Silent, step),
        }
    }

    fn give_up_mentor(&mut self, mentor: RegistrarId, why: Useless, step: &mut Step<'_>) {
        let level = why.level();
        log_limited!(
            self.enrp.logs.start,
            step.now,
            level,
            "registrar {}: {mentor:?} is no use as mentor: {why}; trying another one",
            self.id
        );
        self.enrp.start.give_up(mentor, why);
        self.ask_next_mentor(step);
    }

    /// The start is over.
    fn become_ready(&mut self, how: &str, step: &mut Step<'_>) {
        log::info!(
            "registrar {}: ready with {} elements in {} pools and {} peers: {how}",
            self.id,
            self.handlespace.element_count(),
            self.handlespace.pool_count(),
            self.enrp.peers.len()
        );
        self.enrp.phase = Phase::Ready;
        self.enrp.timers.stop(Timer::Start);
        self.enrp.start.forget_removals();
        self.announcer.start(step.now);
        self.begin_to_serve(step.now);
        self.on_heartbeat_due(step);
        // A registrar that comes back under its old identifier may find elements that others still take for its own.
        let own: Vec<_> = self.handlespace.elements_of_owner(self.id).collect();
        for index in own {
            if self.handlespace.element(index).is_some_and(|element| element.association().is_none()) {
                self.claim(index, step);
            }
        }
    }

    /// Starts what only a registrar does that is ready.
    pub(in crate::registrar) fn begin_to_serve(&mut self, now: Time) {
        self.events.note(now, EventKind::Ready, About::NOTHING, || "".into());
        self.enrp.timers.set(Timer::Orphans, now + self.config.max_time_last_heard);
        let gossip = self.random.within(self.config.peer_heartbeat_cycle);
        self.enrp.timers.set(Timer::Gossip, now + self.config.peer_heartbeat_cycle + gossip);
    }
}

/// The list of registrars.
impl Registrar {
    fn ask_mentor_for_list(&mut self, mentor: RegistrarId, step: &mut Step<'_>) {
        self.enrp.timers.set(Timer::Start, step.now + self.config.max_time_no_response);
        self.ask_for_list(mentor, step);
    }

    pub(super) fn ask_for_list(&mut self, receiver: RegistrarId, step: &mut Step<'_>) {
        let message = EnrpMessage::ListRequest(ListRequest { sender: self.id, receiver });
        self.send_to_peer(receiver, &message, step);
    }

    pub(super) fn on_list_request(&mut self, association: AssociationId, message: &ListRequest, step: &mut Step<'_>) {
        let receiver = message.sender;
        let reject = self.enrp.phase != Phase::Ready || !self.may_have_list(step.now, association, receiver);
        let mut servers = Vec::new();
        if !reject {
            let known = self.enrp.peers.iter().filter(|(id, peer)| *id != receiver && peer.is_active());
            servers.extend(known.filter_map(|(_, peer)| peer.told_to_others()));
        }
        let response = EnrpMessage::ListResponse(ListResponse { sender: self.id, receiver, reject, servers });
        self.answer_enrp(association, receiver, &response, step);
    }

    /// Whoever is no peer gets lists only so often.
    fn may_have_list(&mut self, now: Time, association: AssociationId, id: RegistrarId) -> bool {
        let Some(there) = self.associations.get(association) else { return false };
        self.enrp.peers.contains(id) || self.sources.allow(now, there.address(), Costly::Page)
    }

    pub(super) fn on_list_response(&mut self, message: ListResponse, step: &mut Step<'_>) {
        let sender = message.sender;
        let is_mentor = self.enrp.phase == Phase::Starting && self.enrp.start.waits_for() == WaitsFor::List(sender);
        if message.reject {
            if is_mentor {
                self.give_up_mentor(sender, Useless::Starting, step);
            }
            return;
        }
        for server in &message.servers {
            self.enrp.arbitrations.object(server.id, sender);
        }
        if let Some(peer) = self.enrp.peers.get(sender) {
            let unknown = |id| id != self.id && id != RegistrarId(0) && !self.enrp.peers.contains(id);
            let told = message.servers.iter().filter(|server| unknown(server.id));
            let found: Vec<_> = told.filter_map(|server| Some((server.id, peer.tells_of(server)?))).collect();
            for (id, address) in found {
                if self.enrp.peers.may_name(step.now, sender) {
                    let remember = self.remember_hearsay();
                    self.add_contact(step.now, address, Some(id), remember);
                }
            }
        }
        if is_mentor {
            self.enrp.start.begin_download(sender, self.enrp.stamps.latest());
            self.ask_for_table(sender, step);
        }
    }
}

/// The handle table.
impl Registrar {
    fn ask_for_table(&mut self, mentor: RegistrarId, step: &mut Step<'_>) {
        self.enrp.timers.set(Timer::Start, step.now + self.config.max_time_no_response);
        let request = HandleTableRequest { sender: self.id, receiver: mentor, own_children_only: false };
        self.send_to_peer(mentor, &EnrpMessage::HandleTableRequest(request), step);
    }

    pub(super) fn on_handle_table_response(&mut self, message: HandleTableResponse, step: &mut Step<'_>) {
        if self.enrp.phase != Phase::Starting {
            return self.on_audit_response(message, step);
        }
        let mentor = message.sender;
        if self.enrp.start.waits_for() != WaitsFor::Table(mentor) {
            return;
        }
        if message.reject {
            return self.give_up_mentor(mentor, Useless::Rejects, step);
        }
        let (since, page) = (self.enrp.start.since(), Page::of(&message));
        for entry in message.entries {
            for element in entry.pool_elements {
                let removed_by = self.enrp.start.removed_by(&entry.pool_handle, element.id);
                if removed_by != Some(element.home_registrar) {
                    self.take_table_entry(mentor, &entry.pool_handle, element, since, step);
                }
            }
        }
        match self.enrp.start.page_taken(page) {
            Page::Inner => self.ask_for_table(mentor, step),
            Page::Last => self.become_ready("the handle table of the mentor has been downloaded", step),
        }
    }

    /// Remembers during the download that `by` removed an element: the mentor may not know yet.
    pub(super) fn remember_removal(&mut self, by: RegistrarId, pool_handle: &PoolHandle, id: PoolElementId) {
        if self.enrp.phase == Phase::Starting {
            self.enrp.start.remember_removal(by, pool_handle, id);
        }
    }

    /// An element that was removed has been registered again.
    pub(super) fn forget_removal(&mut self, pool_handle: &PoolHandle, id: PoolElementId) {
        self.enrp.start.forget_removal(pool_handle, id);
    }
}
