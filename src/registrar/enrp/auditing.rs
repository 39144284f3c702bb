//! Comparing checksums with the peers, and downloading again what differs (RFC 5353 section 3.6).
//!
//! Marks are not bits that somebody has to set and clear, but stamps: everything heard of an element stamps it with the next
//! number. What is older than the begin of the audit when the last page has come is "still marked". So an audit that
//! breaks off leaves nothing to clean up, and what was heard from elsewhere during the audit is not replaced by an older page.
//!
//! A checksum that differs while elements change homes says little: then the peer is asked again a little later. A difference
//! that audits do not mend (a pool that exists twice, say) makes them rarer.

use super::audit::{Audit, Checksums, Expiry, Verdict};
use super::download::Page;
use super::timers::Timer;
use super::{Phase, Registrar};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::{HandleTableRequest, HandleTableResponse};
use crate::registrar::Step;
use crate::wire::PoolElement;
use crate::{PoolHandle, RegistrarId, Time};
use log::Level;
use std::time::Duration;

/// The longest pause between audits that do not help.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl Registrar {
    /// How long elements may be on their way from one home to another.
    pub(super) fn settling_time(&self) -> Duration {
        self.config.max_time_no_response / 4
    }

    /// An element came to this registrar, or left it, and not because it said so itself.
    pub(super) fn unsettle(&mut self, now: Time, owner: RegistrarId) {
        let settled = now + self.settling_time();
        if let Some(audit) = self.enrp.peers.audit(owner) {
            audit.unsettle(settled);
        }
    }

    /// A peer has sent its PE checksum.
    pub(super) fn compare_checksum(&mut self, id: RegistrarId, checksum: u16, step: &mut Step<'_>) {
        if self.enrp.phase != Phase::Ready {
            return;
        }
        let known = self.handlespace.checksum_of_owner(id);
        let checksums = match checksum {
            same if same == known.value() || same == known.rsplib_value() => Checksums::Equal,
            _ => Checksums::Different,
        };
        match self.enrp.peers.audit(id).map(|audit| audit.compare(step.now, checksums)) {
            None | Some(Verdict::Wait) => {}
            Some(Verdict::Equal) => self.enrp.timers.stop(Timer::Audit(id)),
            Some(Verdict::Recheck(at)) => self.enrp.timers.set(Timer::Audit(id), at),
            Some(Verdict::Audit) => self.start_audit(id, step),
        }
    }

    fn start_audit(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        let since = self.enrp.stamps.latest();
        let Some(audit) = self.enrp.peers.audit(id) else { return };
        audit.begin(since);
        self.statistics.audits += 1;
        log_limited!(
            self.enrp.logs.audits,
            step.now,
            Level::Info,
            "registrar {}: what is known of the elements of {id:?} may be wrong: downloading them again",
            self.id
        );
        self.ask_for_page(id, step);
    }

    fn ask_for_page(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        self.enrp.timers.set(Timer::Audit(id), step.now + self.config.max_time_no_response);
        let request = HandleTableRequest { sender: self.id, receiver: id, own_children_only: true };
        self.send_to_peer(id, &EnrpMessage::HandleTableRequest(request), step);
    }

    pub(super) fn on_audit_response(&mut self, message: HandleTableResponse, step: &mut Step<'_>) {
        let id = message.sender;
        let taken = self.enrp.peers.audit(id).and_then(|audit| audit.take_page(Page::of(&message)));
        let Some((page, since)) = taken else { return };
        if message.reject {
            return self.fail_audit(step.now, id);
        }
        for entry in message.entries {
            for element in entry.pool_elements {
                if element.home_registrar == id {
                    self.take_table_entry(id, &entry.pool_handle, element, since, step);
                }
            }
        }
        match page {
            Page::Inner => self.ask_for_page(id, step),
            Page::Last => self.finish_audit(id, since, step),
        }
    }

    /// Takes up an element of a downloaded table, unless something newer has been heard of it since `since`.
    pub(super) fn take_table_entry(
        &mut self,
        sender: RegistrarId,
        pool_handle: &PoolHandle,
        pool_element: PoolElement,
        since: u64,
        step: &mut Step<'_>,
    ) {
        let known = self.handlespace.find(pool_handle, pool_element.id);
        let element = known.and_then(|index| self.handlespace.element(index));
        if element.is_none_or(|element| element.mark() <= since) {
            if pool_element.home_registrar == self.id && self.enrp.phase == Phase::Starting {
                self.take_own_element(step.now, pool_handle, pool_element);
            } else {
                self.take_element(sender, known, pool_handle, pool_element, step);
            }
        }
    }

    /// All pages have come: what is still marked is not there any more.
    fn finish_audit(&mut self, id: RegistrarId, since: u64, step: &mut Step<'_>) {
        let marked = |index: &_| self.handlespace.element(*index).is_some_and(|element| element.mark() <= since);
        let stale: Vec<_> = self.handlespace.elements_of_owner(id).filter(marked).collect();
        if !stale.is_empty() {
            log_limited!(
                self.enrp.logs.audits,
                step.now,
                Level::Info,
                "registrar {}: {} elements of {id:?} are not there any more",
                self.id,
                stale.len()
            );
        }
        for index in stale {
            self.disowned(index, id, step);
        }
        let Some(audit) = self.enrp.peers.audit(id) else { return };
        let at = audit.finish().map(|fruitless| {
            let pause = self.config.peer_heartbeat_cycle.saturating_mul(1 << fruitless.min(12));
            step.now + pause.min(LONGEST_PAUSE)
        });
        let again = at.is_none() && audit.is_demanded();
        self.enrp.timers.set(Timer::Audit(id), at);
        if again {
            // Demanded in the meantime.
            self.ask_for_presence(id, step);
        }
    }

    /// No answer, or a rejection. The session at the peer must be over before it is asked again: it would go on where it was.
    fn fail_audit(&mut self, now: Time, id: RegistrarId) {
        let Some(audit) = self.enrp.peers.audit(id) else { return };
        audit.fail();
        let pause = self.config.max_time_no_response.max(self.config.handle_table_session_timeout);
        self.enrp.timers.set(Timer::Audit(id), now + pause + self.settling_time());
    }

    pub(super) fn on_audit_timer_expired(&mut self, id: RegistrarId, step: &mut Step<'_>) {
        match self.enrp.peers.audit(id).map(Audit::expire) {
            None | Some(Expiry::Nothing) => {}
            Some(Expiry::Ask) => self.ask_for_presence(id, step),
            Some(Expiry::Silent) => {
                log_limited!(
                    self.enrp.logs.audits,
                    step.now,
                    Level::Warn,
                    "registrar {}: {id:?} does not send its elements; trying again later",
                    self.id
                );
                self.fail_audit(step.now, id);
            }
        }
    }

    /// There is no association with the peer any more: its table will not come.
    pub(super) fn abandon_audit(&mut self, id: RegistrarId) {
        if let Some(audit) = self.enrp.peers.audit(id) {
            audit.abandon();
            self.enrp.timers.stop(Timer::Audit(id));
        }
    }
}
