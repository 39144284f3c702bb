//! Pools that came to be twice.
//!
//! Two registrars that did not hear of each other may have made one pool with two policies (or transports). Then the pool with
//! the lower number of policy type (transport type, transport use) stays: every registrar sees both sooner or
//! later, and comes to the same result. The elements of the other one are removed and told so.

use super::Registrar;
use crate::handlespace::PoolIndex;
use crate::log_limit::log_limited;
use crate::registrar::Step;
use crate::registrar::removal::Removal;
use crate::wire::{PolicyType, PoolElement, TransportParameter, TransportUse};
use crate::{PoolHandle, RegistrarId};
use log::Level;

/// What becomes of a pool that another registrar has with another policy or transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twin {
    /// It takes precedence.
    Stays,
    /// It gave way, and is not there any more.
    Gone,
}

impl Registrar {
    /// Removes a pool that gives way to an element of its twin, which does not fit it.
    pub(super) fn settle_twin(
        &mut self,
        sender: RegistrarId,
        pool_handle: &PoolHandle,
        pool_element: &PoolElement,
        step: &mut Step<'_>,
    ) -> Twin {
        let Some(index) = self.handlespace.find_pool(pool_handle) else { return Twin::Stays };
        let Some(pool) = self.handlespace.pool(index) else { return Twin::Stays };
        let here = rank(pool.policy().policy_type(), pool.user_transport());
        if here <= rank(pool_element.policy.policy_type(), &pool_element.user_transport)
            || !self.handlespace.supports(pool_element.policy.policy_type())
        {
            return Twin::Stays;
        }
        log_limited!(
            self.enrp.logs.updates => sender,
            step.now,
            Level::Error,
            "registrar {}: pool {pool_handle} also exists with another policy or transport, which takes precedence: its {} \
             elements are removed here",
            self.id,
            pool.len()
        );
        self.remove_pool(index, sender, step);
        Twin::Gone
    }

    fn remove_pool(&mut self, index: PoolIndex, sender: RegistrarId, step: &mut Step<'_>) {
        let elements: Vec<_> = self.handlespace.pool(index).map(|pool| pool.elements().collect()).unwrap_or_default();
        for element in elements {
            if let Some(removed) = self.remove_element(element, Removal::Inconsistent(sender), step) {
                self.send_removal(&removed, step);
            }
        }
    }
}

/// What precedence goes by: the pool that has the lower one stays.
fn rank(policy_type: PolicyType, transport: &TransportParameter) -> (u32, u16, TransportUse) {
    (policy_type.0, transport.parameter_type(), transport.transport_use())
}
