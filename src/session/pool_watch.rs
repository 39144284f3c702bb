//! What a subscriber of a pool is told: the pool as it is now, and what has changed since it looked last. However many
//! updates come between two looks, they take the room of one.

use crate::PoolElementId;
use crate::asap::PoolState;
use crate::collections::SortedMap;
use crate::wire::{Policy, PoolElement};

/// What happened to an element since the subscriber looked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementChange {
    /// Nothing.
    Same,
    /// It came.
    Added,
    /// Its address, policy values or home registrar are others.
    Changed,
    /// It went; this is how it was.
    Removed,
}

/// A pool, its elements in the order of their identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Snapshot {
    policy: Option<Policy>,
    elements: SortedMap<PoolElementId, PoolElement>,
}

impl Snapshot {
    fn new(state: PoolState) -> Snapshot {
        match state {
            PoolState::Unknown => Snapshot::default(),
            PoolState::Known { policy, pool_elements } => {
                let elements = pool_elements.into_iter().map(|element| (element.id, element)).collect();
                Snapshot { policy: Some(policy), elements }
            }
        }
    }
}

/// A pool's policy (none: the pool does not exist), and its elements with what happened to each.
pub type PoolNews = (Option<Policy>, Vec<(PoolElement, ElementChange)>);

/// One subscriber's view of a pool.
#[derive(Debug, Default)]
pub struct PoolWatch {
    /// As the registrar told it last; none: nothing told yet.
    current: Option<Snapshot>,
    /// As the subscriber saw it last.
    seen: Option<Snapshot>,
}

impl PoolWatch {
    /// Nothing is known yet.
    pub fn new() -> PoolWatch {
        PoolWatch::default()
    }

    /// The registrar tells how the pool is.
    pub fn told(&mut self, state: PoolState) {
        self.current = Some(Snapshot::new(state));
    }

    /// There is something that the subscriber has not seen.
    pub fn has_news(&self) -> bool {
        self.current.is_some() && self.current != self.seen
    }

    /// What is new; none when nothing is.
    pub fn look(&mut self) -> Option<PoolNews> {
        if !self.has_news() {
            return None;
        }
        let current = self.current.as_ref()?;
        let seen = self.seen.take().unwrap_or_default();
        let mut elements: Vec<_> = current
            .elements
            .values()
            .map(|element| match seen.elements.get(&element.id) {
                None => (element.clone(), ElementChange::Added),
                Some(before) if before == element => (element.clone(), ElementChange::Same),
                Some(_) => (element.clone(), ElementChange::Changed),
            })
            .collect();
        let gone = seen.elements.into_values().filter(|element| !current.elements.contains_key(&element.id));
        elements.extend(gone.map(|element| (element, ElementChange::Removed)));
        let policy = current.policy.clone();
        self.seen = Some(current.clone());
        Some((policy, elements))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RegistrarId;
    use crate::wire::{AddressList, RegistrationLife, TransportParameter, TransportUse};

    fn pool(elements: &[(u32, u32)]) -> PoolState {
        let element = |&(id, load): &(u32, u32)| PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(1),
            registration_life: RegistrationLife::INFINITE,
            user_transport: TransportParameter::Sctp {
                port: 7,
                transport_use: TransportUse::DataOnly,
                addresses: AddressList::from_slice(&[[10, 0, 0, 1].into()]),
            },
            policy: Policy::LeastUsed { load },
            asap_transport: None,
        };
        PoolState::Known {
            policy: Policy::LeastUsed { load: 0 },
            pool_elements: elements.iter().map(element).collect(),
        }
    }

    fn look(watch: &mut PoolWatch) -> Option<Vec<(u32, ElementChange)>> {
        let (_, elements) = watch.look()?;
        Some(elements.into_iter().map(|(element, change)| (element.id.0, change)).collect())
    }

    #[test]
    fn any_number_of_updates_make_one_list_of_changes() {
        use ElementChange::*;
        let mut watch = PoolWatch::new();
        assert!(!watch.has_news());
        watch.told(pool(&[(1, 0), (2, 0), (3, 0)]));
        assert_eq!(look(&mut watch), Some(vec![(1, Added), (2, Added), (3, Added)]));
        assert_eq!(look(&mut watch), None);
        for load in 1..50 {
            watch.told(pool(&[(2, load), (1, 0), (4, load)]));
        }
        assert!(watch.has_news());
        assert_eq!(look(&mut watch), Some(vec![(1, Same), (2, Changed), (4, Added), (3, Removed)]));
    }

    #[test]
    fn another_order_and_what_went_back_are_no_news() {
        let mut watch = PoolWatch::new();
        watch.told(pool(&[(1, 0), (2, 0)]));
        look(&mut watch);
        watch.told(pool(&[(2, 0), (1, 0)]));
        assert!(!watch.has_news());
        watch.told(PoolState::Unknown);
        watch.told(pool(&[(1, 0), (2, 0)]));
        assert!(!watch.has_news());
    }

    #[test]
    fn that_a_pool_does_not_exist_is_news_the_first_time() {
        let mut watch = PoolWatch::new();
        watch.told(PoolState::Unknown);
        assert_eq!(watch.look(), Some((None, Vec::new())));
        watch.told(PoolState::Unknown);
        assert!(!watch.has_news());
    }
}
