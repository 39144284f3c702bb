//! Sending ENRP_HANDLE_UPDATE (RFC 5353 section 3.3): peers are told of elements that come, register again and go.

use super::Registrar;
use crate::handlespace::{ElementIndex, Removed};
use crate::message::EnrpMessage;
use crate::message::enrp::{HandleUpdate, UpdateAction};
use crate::registrar::rsplib::Scope;
use crate::registrar::{Action, Step};
use crate::wire::PoolElement;
use crate::{PoolHandle, RegistrarId};

/// What the announcement of an element may suggest besides; see `suggestion.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registrar) enum Suggest {
    Nothing,
    /// That the registrar where it belongs, if it is another one, becomes its home.
    BetterHome,
}

impl Registrar {
    /// Tells all peers that an element was added, or registered again.
    pub(in crate::registrar) fn announce_addition(
        &mut self,
        index: ElementIndex,
        suggest: Suggest,
        step: &mut Step<'_>,
    ) {
        let stamp = self.enrp.stamps.next();
        self.handlespace.set_mark(index, stamp);
        if self.enrp.peers.is_empty() {
            return;
        }
        let suggested = match suggest {
            Suggest::BetterHome => self.better_home(index),
            Suggest::Nothing => None,
        };
        self.send_addition(index, suggested, step);
    }

    /// HANDLE_UPDATE about an element; the suggested home gets it with the T bit.
    fn send_addition(&mut self, index: ElementIndex, suggested: Option<RegistrarId>, step: &mut Step<'_>) {
        let Some(mut message) = self.addition(index) else { return };
        let Some(bytes) = self.encode_enrp(step.now, &EnrpMessage::HandleUpdate(message.clone())) else { return };
        message.takeover_suggested = true;
        let suggestion = suggested.and_then(|_| self.encode_enrp(step.now, &EnrpMessage::HandleUpdate(message)));
        for (id, peer) in self.enrp.peers.iter() {
            let Some(association) = peer.association() else { continue };
            let chosen = suggestion.as_ref().filter(|_| suggested == Some(id)).unwrap_or(&bytes);
            step.push(Action::Send { association, bytes: chosen.clone() });
            self.statistics.handle_updates_sent += 1;
        }
    }

    /// Tells one peer of an element, and that it may have it.
    pub(in crate::registrar) fn send_suggestion(&mut self, index: ElementIndex, to: RegistrarId, step: &mut Step<'_>) {
        let Some(mut message) = self.addition(index) else { return };
        message.takeover_suggested = true;
        self.statistics.handle_updates_sent += 1;
        self.send_to_peer(to, &EnrpMessage::HandleUpdate(message), step);
    }

    fn addition(&self, index: ElementIndex) -> Option<HandleUpdate> {
        let element = self.handlespace.element(index)?;
        let pool = self.handlespace.pool(element.pool())?;
        Some(HandleUpdate {
            sender: self.id,
            receiver: RegistrarId(0),
            takeover_suggested: false,
            action: UpdateAction::AddPoolElement,
            pool_handle: pool.handle().clone(),
            pool_element: self.for_peers(element.pool_element()),
        })
    }

    /// Tells all peers that an element is gone.
    pub(in crate::registrar) fn announce_removal(&mut self, removed: &Removed, step: &mut Step<'_>) {
        if self.enrp.peers.is_empty() {
            return;
        }
        let message = self.removal(RegistrarId(0), &removed.pool_handle, removed.element.pool_element());
        self.statistics.handle_updates_sent += self.enrp.peers.len() as u64;
        self.group_cast(&message, step);
    }

    fn removal(&self, receiver: RegistrarId, pool_handle: &PoolHandle, pool_element: PoolElement) -> EnrpMessage {
        EnrpMessage::HandleUpdate(HandleUpdate {
            sender: self.id,
            receiver,
            takeover_suggested: false,
            action: UpdateAction::DeletePoolElement,
            pool_handle: pool_handle.clone(),
            pool_element: self.for_peers(pool_element),
        })
    }

    /// An element as other registrars get it.
    pub(super) fn for_peers(&self, mut pool_element: PoolElement) -> PoolElement {
        pool_element.registration_life = Scope::of(&self.config).life_for_peers(pool_element.registration_life);
        pool_element
    }

    /// Tells the home of an element that pool users cannot reach it.
    pub(in crate::registrar) fn report_to_home(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(pool) = self.handlespace.pool(element.pool()) else { return };
        let home = element.home_registrar();
        let message = self.removal(home, pool.handle(), element.pool_element());
        self.send_to_peer(home, &message, step);
    }
}
