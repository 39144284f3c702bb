//! The one place through which the handlespace changes, and from which others are told.

use super::enrp::Suggest;
use super::removal::Removal;
use super::{Registrar, Step};
use crate::PoolHandle;
use crate::handlespace::{ElementIndex, Registered, Removed};
use crate::message::AsapMessage;
use crate::message::asap::HandleResolutionResponse;
use crate::wire::{Cause, OperationalError};

impl Registrar {
    /// An element has been registered or registered again. Peers are told of every one, even without a change, as its
    /// registration life starts again.
    pub(super) fn element_registered(&mut self, element: ElementIndex, registered: Registered, step: &mut Step<'_>) {
        // What has just come stays where it is for now.
        let suggest = if registered == Registered::New { Suggest::Nothing } else { Suggest::BetterHome };
        self.announce_addition(element, suggest, step);
        if registered != Registered::Same {
            if let Some(element) = self.handlespace.element(element) {
                self.subscriptions.pool_changed(element.pool(), step.now + self.config.subscription_delay);
            }
        }
    }

    /// Takes an element out, says so, and tells those who want to know; the peers only when this registrar is its home.
    pub(super) fn remove_element(
        &mut self,
        element: ElementIndex,
        removal: Removal<'_>,
        step: &mut Step<'_>,
    ) -> Option<Removed> {
        let removed = self.handlespace.remove(element)?;
        self.keep_alives.clear_reports(element);
        self.log_removal(&removed, removal, step);
        if removed.element.home_registrar() == self.id {
            self.announce_removal(&removed, step);
        }
        if removed.pool_removed {
            self.end_subscriptions(removed.pool, &removed.pool_handle, step);
        } else {
            self.subscriptions.pool_changed(removed.pool, step.now + self.config.subscription_delay);
        }
        Some(removed)
    }
}

/// A negative handle resolution response. To a subscriber it says that the subscription is over (RFC 5352 section 2.2.5).
pub(super) fn no_such_pool(pool_handle: &PoolHandle, cause: Cause) -> AsapMessage {
    AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
        accept_updates: false,
        pool_handle: pool_handle.clone(),
        policy: None,
        pool_elements: Vec::new(),
        error: Some(OperationalError::of(cause)),
    })
}
