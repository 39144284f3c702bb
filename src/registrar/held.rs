//! How much a registrar keeps of what others make it keep, each with its bound: for a look from outside.

use super::Registrar;
use super::departed::MAX_DEPARTED;
use super::waiting_registrations::MAX_WAITING;

/// A table, a list or a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What is in it.
    pub what: &'static str,
    /// How many there are now.
    pub count: usize,
    /// How many there can be, whatever others do.
    pub most: usize,
}

impl Registrar {
    /// Everything that grows by what comes from the network.
    pub fn held(&self) -> Vec<Held> {
        let (config, elements) = (&self.config, self.handlespace.element_count());
        let asap = self.associations.asap_count();
        let mut held = vec![
            Held { what: "pools", count: self.handlespace.pool_count(), most: config.max_pools },
            Held { what: "pool elements", count: elements, most: config.max_pool_elements },
            Held { what: "ASAP associations", count: asap, most: config.max_associations },
            Held {
                what: "subscriptions",
                count: self.subscriptions.len(),
                most: asap.saturating_mul(config.max_subscriptions_per_association),
            },
            Held { what: "pools that changed", count: self.subscriptions.due_count(), most: config.max_pools },
            Held { what: "events", count: self.events.len(), most: config.max_events },
            Held { what: "reported elements", count: self.keep_alives.reported_count(), most: elements },
            Held { what: "elements that may come back", count: self.departed.len(), most: MAX_DEPARTED },
            Held { what: "registrations that wait", count: self.waiting_registrations.len(), most: MAX_WAITING },
        ];
        self.held_for_registrars(&mut held);
        held
    }
}
