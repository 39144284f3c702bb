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
    /// What comes of one more.
    pub when_full: WhenFull,
}

/// What comes of one more than there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused, and somebody has to raise the limit.
    Refused,
    /// It takes the place of another one: to be full is usual.
    MakesRoom,
    /// Nothing, as other limits end it before: the number is how far they let it go.
    Nothing,
}

impl Registrar {
    /// Everything that grows by what comes from the network.
    pub fn held(&self) -> Vec<Held> {
        use WhenFull::{MakesRoom, Nothing, Refused};
        let (config, elements) = (&self.config, self.handlespace.element_count());
        let (asap, tcp) = (self.associations.asap_count(), self.associations.tcp_count());
        let subscriptions = asap.saturating_mul(config.max_subscriptions_per_association);
        let all = [
            ("pools", self.handlespace.pool_count(), config.max_pools, Refused),
            ("pool elements", elements, config.max_pool_elements, Refused),
            ("ASAP associations", asap, config.max_associations, Refused),
            ("TCP connections", tcp, config.max_tcp_connections, MakesRoom),
            ("subscriptions", self.subscriptions.len(), subscriptions, Nothing),
            ("pools that changed", self.subscriptions.due_count(), config.max_pools, Nothing),
            ("events", self.events.len(), config.max_events, MakesRoom),
            ("reported elements", self.keep_alives.reported_count(), elements, Nothing),
            ("elements that may come back", self.departed.len(), MAX_DEPARTED, MakesRoom),
            ("registrations that wait", self.waiting_registrations.len(), MAX_WAITING, Refused),
        ];
        let held = |(what, count, most, when_full)| Held { what, count, most, when_full };
        let mut held: Vec<Held> = all.into_iter().map(held).collect();
        self.held_for_registrars(&mut held);
        held
    }
}
