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
use crate::wire::{PoolElement, TransportParameter, TransportUse};
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
        let here = rank(pool.policy().policy_type().0, pool.user_transport());
        if here <= rank(pool_element.policy.policy_type().0, &pool_element.user_transport)
            || !self.handlespace.supports(pool_element.policy.policy_type())
        {
            return Twin::Stays;
        }
        log_limited!(
            self.enrp.logs.updates,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    policy_type: u32,
    transport_type: u8,
    transport_use: UseRank,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum UseRank {
    DataOnly,
    DataPlusControl,
}

fn rank(policy_type: u32, transport: &TransportParameter) -> Rank {
    let (transport_type, transport_use) = match transport {
        TransportParameter::Dccp { .. } => (0x03, TransportUse::DataOnly),
        TransportParameter::Sctp { transport_use, .. } => (0x04, *transport_use),
        TransportParameter::Tcp { transport_use, .. } => (0x05, *transport_use),
        TransportParameter::Udp { .. } => (0x06, TransportUse::DataOnly),
        TransportParameter::UdpLite { .. } => (0x07, TransportUse::DataOnly),
        TransportParameter::Opaque(_) => (0x10, TransportUse::DataOnly),
    };
    let transport_use = match transport_use {
        TransportUse::DataOnly => UseRank::DataOnly,
        TransportUse::DataPlusControl => UseRank::DataPlusControl,
    };
    Rank { policy_type, transport_type, transport_use }
}
