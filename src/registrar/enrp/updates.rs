//! Receiving ENRP_HANDLE_UPDATE (RFC 5353 section 3.3), and whose an element is when registrars disagree.
//!
//! The element itself decides: it belongs to the registrar that it registered with last, over an association that lives. So:
//!
//! * A registrar that hears of another home of an element notes it; the last word counts (RFC: "replace the attributes").
//! * If the element is registered here, over an association that is there, it is asked over that association. When it
//!   acknowledges, this registrar is its home and says so to all others. A pool element leaves its old home for a new one, so
//!   only one of two registrars gets an acknowledgement. A claim (see `claims.rs`) is no registration, and gives way.
//! * A removal counts when it comes from the home of the element. A removal that names us as home comes from a registrar whose
//!   pool users cannot reach the element: that is a report like ASAP_ENDPOINT_UNREACHABLE, nothing more.
//! * What messages lost on their way made wrong is mended by the audit, which asks the home.

use super::announcing::Suggest;
use super::twin_pools::Twin;
use super::{Phase, Registrar};
use crate::handlespace::{Claim, ElementIndex, Liveness, Refusal, Registered};
use crate::log_limit::log_limited;
use crate::message::enrp::{HandleUpdate, UpdateAction};
use crate::registrar::Step;
use crate::registrar::associations::Association;
use crate::registrar::events::{About, EventKind};
use crate::registrar::keep_alives::Ask;
use crate::registrar::removal::{Abort, Place, Removal};
use crate::registrar::reports::Reporter;
use crate::registrar::rsplib::Scope;
use crate::wire::PoolElement;
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use log::Level;

impl Registrar {
    pub(super) fn on_handle_update(&mut self, message: HandleUpdate, step: &mut Step<'_>) {
        self.statistics.handle_updates_received += 1;
        let HandleUpdate { sender, takeover_suggested, pool_handle, pool_element, .. } = message;
        let home = pool_element.home_registrar;
        let is_report = message.action == UpdateAction::DeletePoolElement && home == self.id;
        // A registrar speaks of the elements that it is home of, those of registrars that it has taken over included.
        if home != sender && home != RegistrarId(0) && !is_report {
            return self.log_foreign(step.now, sender, &pool_handle, (pool_element.id, home));
        }
        match message.action {
            UpdateAction::AddPoolElement => {
                self.forget_removal(&pool_handle, pool_element.id);
                let known = self.handlespace.find(&pool_handle, pool_element.id);
                let taken = self.take_element(sender, known, &pool_handle, pool_element, step);
                if let Some(index) = taken.filter(|_| known.is_none()) {
                    self.log_addition(step.now, sender, index);
                }
                if let Some(index) = taken.filter(|_| takeover_suggested) {
                    self.follow_suggestion(index, step);
                }
            }
            UpdateAction::DeletePoolElement => {
                self.remember_removal(sender, &pool_handle, pool_element.id);
                self.drop_element(sender, &pool_handle, &pool_element, step);
            }
        }
    }

    /// Another registrar says that an element is gone.
    fn drop_element(
        &mut self,
        sender: RegistrarId,
        pool_handle: &PoolHandle,
        pool_element: &PoolElement,
        step: &mut Step<'_>,
    ) {
        let Some(index) = self.handlespace.find(pool_handle, pool_element.id) else { return };
        let Some(element) = self.handlespace.element(index) else { return };
        let home = element.home_registrar();
        if home == self.id {
            if pool_element.home_registrar == self.id {
                self.count_report(index, Reporter::Registrar(sender), step);
            }
        } else if home != sender && self.enrp.peers.contains(home) {
            self.log_foreign(step.now, sender, pool_handle, (pool_element.id, home));
        } else {
            self.disowned(index, sender, step);
        }
    }

    /// The home of an element says that it does not have it. If it is, or was, registered here, it is asked; else it is gone.
    pub(super) fn disowned(&mut self, index: ElementIndex, by: RegistrarId, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let association = element.association();
        if association.is_some() && element.liveness().claim() != Claim::Asked {
            self.change_owner(step.now, index, self.id);
            return self.contest(index, step);
        }
        self.remove_element(index, Removal::Disowned(by), step);
        // Where this registrar has connected to the element only to make it its own, nothing is left to do.
        let is_ours = |&id: &AssociationId| self.associations.get(id).is_some_and(Association::is_outbound);
        if let Some(association) = association.filter(is_ours) {
            self.abort_if_unused(association, Abort::NotNeeded, step);
        }
    }

    /// Takes up an element as `sender` has it; `known` is the one with its identifier.
    pub(super) fn take_element(
        &mut self,
        sender: RegistrarId,
        known: Option<ElementIndex>,
        pool_handle: &PoolHandle,
        mut pool_element: PoolElement,
        step: &mut Step<'_>,
    ) -> Option<ElementIndex> {
        if pool_element.home_registrar == RegistrarId(0) {
            pool_element.home_registrar = sender;
        }
        pool_element.registration_life = Scope::of(&self.config).life_from_peer(pool_element.registration_life);
        let acceptable = pool_element.home_registrar != self.id
            && (1..=self.config.max_pool_handle_len).contains(&pool_handle.as_bytes().len());
        if !acceptable || !Scope::of(&self.config).bears(pool_handle, &pool_element) {
            return None;
        }
        let hold = known.map_or(Hold::None, |index| self.hold_on(index));
        let association = if let Hold::Claim(association) | Hold::Registration(association) = hold {
            Some(association)
        } else {
            None
        };
        let id = pool_element.id;
        let (index, registered) = match self.insert_element(sender, pool_handle, pool_element, association, step) {
            Ok(result) => result,
            Err(refusal) => {
                self.log_refusal(step.now, sender, pool_handle, id, refusal);
                return None;
            }
        };
        self.refresh_foreign(step.now, index, &hold);
        if registered != Registered::Same {
            if let Some(pool) = self.handlespace.element(index).map(|element| element.pool()) {
                self.subscriptions.pool_changed(pool, step.now + self.config.subscription_delay);
            }
        }
        if let Hold::Registration(_) = hold {
            self.contest(index, step);
        }
        Some(index)
    }

    /// What holds an element here.
    fn hold_on(&self, index: ElementIndex) -> Hold {
        let Some(element) = self.handlespace.element(index) else { return Hold::None };
        let own = element.home_registrar() == self.id;
        match (element.association(), element.liveness().claim()) {
            (None, Claim::Asked) if !own => Hold::Suggestion,
            (None, _) => Hold::None,
            (Some(association), Claim::Registered | Claim::Contested) => Hold::Registration(association),
            // A suggestion that is being followed: its home has not changed its mind.
            (Some(association), Claim::Asked) if !own => Hold::Claim(association),
            (Some(_), Claim::Asked | Claim::Adopted) => Hold::None,
        }
    }

    fn insert_element(
        &mut self,
        sender: RegistrarId,
        pool_handle: &PoolHandle,
        pool_element: PoolElement,
        association: Option<AssociationId>,
        step: &mut Step<'_>,
    ) -> Result<(ElementIndex, Registered), Refusal> {
        let old_home = self
            .handlespace
            .find(pool_handle, pool_element.id)
            .and_then(|index| Some(self.handlespace.element(index)?.home_registrar()));
        let new_home = pool_element.home_registrar;
        let mut result = self.handlespace.register(pool_handle, &pool_element, association);
        let inconsistent = matches!(
            result,
            Err(Refusal::InconsistentPolicy | Refusal::InconsistentTransport | Refusal::InconsistentTransportUse)
        );
        if inconsistent && self.settle_twin(sender, pool_handle, &pool_element, step) == Twin::Gone {
            result = self.handlespace.register(pool_handle, &pool_element, None);
        }
        if let Ok((index, registered)) = result {
            let stamp = self.enrp.stamps.next();
            self.handlespace.set_mark(index, stamp);
            self.handlespace.update_liveness(index, |liveness| liveness.known_from(step.now));
            if let Some(old_home) = old_home.filter(|&old| old != new_home && old != sender) {
                self.unsettle(step.now, old_home);
            }
            self.note_foreign(step.now, index, registered, old_home);
        }
        result
    }

    /// An element of another registrar is there. What is learned at the start is nothing that has happened.
    fn note_foreign(&mut self, now: Time, index: ElementIndex, registered: Registered, old: Option<RegistrarId>) {
        if self.enrp.phase == Phase::Starting {
            return;
        }
        match registered {
            Registered::New => self.note_registration(now, index, EventKind::Registered),
            Registered::Changed | Registered::Same => self.note_home(now, index, old),
        }
    }

    /// An element may have another home than before.
    fn note_home(&mut self, now: Time, index: ElementIndex, old: Option<RegistrarId>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(pool) = self.handlespace.pool(element.pool()) else { return };
        if let Some(old) = old.filter(|&old| old != element.home_registrar()) {
            let about = About::element(pool.handle(), element.id(), element.home_registrar());
            self.events.note(now, EventKind::HomeChanged, about, || format!("it was {old}").into());
        }
    }

    /// The registration life of another registrar's element runs here, too, should nobody tell us of its end.
    fn refresh_foreign(&mut self, now: Time, index: ElementIndex, hold: &Hold) {
        let Some(element) = self.handlespace.element(index) else { return };
        let end = element.pool_element().registration_life.end(now);
        self.keep_alives.clear_reports(index);
        self.handlespace.update_liveness(index, |liveness| {
            liveness.reported(0);
            liveness.set_end(end);
            if matches!(hold, Hold::None | Hold::Suggestion) {
                liveness.unwatch();
            }
            if *hold == Hold::Suggestion {
                liveness.set_claim(Claim::Asked);
            }
        });
    }

    /// Asks an element that another registrar wants, over the association that it registered on.
    fn contest(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let own = self.handlespace.count_of_owner(self.id);
        let contest = |liveness: &mut Liveness| self.keep_alives.contested(step.now, liveness, own);
        if self.handlespace.update_liveness(index, contest) == Some(Ask::Now) {
            self.send_keep_alive(index, step);
        }
    }

    /// An element has acknowledged that this registrar is its home, although others may think otherwise.
    pub(in crate::registrar) fn element_confirmed(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let claim = match element.liveness().claim() {
            Claim::Asked => Claim::Adopted,
            Claim::Contested => Claim::Registered,
            Claim::Registered | Claim::Adopted => return,
        };
        if claim == Claim::Adopted {
            self.statistics.elements_adopted += 1;
        }
        self.change_owner(step.now, index, self.id);
        self.handlespace.update_liveness(index, |liveness| liveness.set_claim(claim));
        self.announce_addition(index, Suggest::Nothing, step);
    }

    /// Changes the home of an element.
    pub(in crate::registrar) fn change_owner(&mut self, now: Time, index: ElementIndex, owner: RegistrarId) {
        let Some(element) = self.handlespace.element(index) else { return };
        let (old, pool) = (element.home_registrar(), element.pool());
        if old == owner {
            return;
        }
        self.handlespace.set_owner(index, owner);
        self.note_home(now, index, Some(old));
        self.keep_alives.clear_reports(index);
        self.handlespace.update_liveness(index, |liveness| liveness.reported(0));
        let stamp = self.enrp.stamps.next();
        self.handlespace.set_mark(index, stamp);
        self.unsettle(now, old);
        self.unsettle(now, owner);
        self.subscriptions.pool_changed(pool, now + self.config.subscription_delay);
    }

    /// Lets go of an element that another registrar is home of: it is not watched any more.
    pub(in crate::registrar) fn let_go(&mut self, index: ElementIndex) {
        self.handlespace.set_association(index, None);
        self.handlespace.update_liveness(index, Liveness::unwatch);
    }

    /// A pool has an element more on the word of a peer.
    fn log_addition(&mut self, now: Time, sender: RegistrarId, index: ElementIndex) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(pool) = self.handlespace.pool(element.pool()) else { return };
        log_limited!(
            self.enrp.logs.additions => sender,
            now,
            Level::Info,
            "registrar {}: {:?} of pool {} at {} is added by {sender:?}, its home; the pool has {} elements",
            self.id,
            element.id(),
            pool.handle(),
            Place(&element.user_transport()),
            pool.len()
        );
    }

    /// A peer speaks of an element that it is not home of.
    fn log_foreign(
        &mut self,
        now: Time,
        sender: RegistrarId,
        pool_handle: &PoolHandle,
        (element, home): (PoolElementId, RegistrarId),
    ) {
        log_limited!(
            self.enrp.logs.updates => sender,
            now,
            Level::Info,
            "registrar {}: HANDLE_UPDATE of {sender:?} about {element:?} of pool {pool_handle}, whose home is {home:?}: ignored",
            self.id
        );
    }

    fn log_refusal(
        &mut self,
        now: Time,
        sender: RegistrarId,
        pool_handle: &PoolHandle,
        id: PoolElementId,
        refusal: Refusal,
    ) {
        log_limited!(
            self.enrp.logs.updates => sender,
            now,
            Level::Warn,
            "registrar {}: {id:?} of pool {pool_handle} from {sender:?} is not taken: {refusal:?}",
            self.id
        );
    }
}

/// What holds an element here while another registrar claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    None,
    /// It is to be asked as soon as there is an association with it, as its home suggested.
    Suggestion,
    /// It is being asked, as its home suggested.
    Claim(AssociationId),
    /// It registered here.
    Registration(AssociationId),
}
