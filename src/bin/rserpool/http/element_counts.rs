//! How many elements there are of each policy, transport and state. The registrar's thread counts a bounded number of places at a time,
//! as nobody is served meanwhile: what changes between two looks may be counted twice, or not at all.

use super::{REGISTRAR_TIME, Source};
use crate::show;
use rserpool::RegistrarId;
use rserpool::handlespace::{Claim, Element, ElementIndex, PoolIndex};
use rserpool::registrar::Registrar;
use rserpool::wire::Policy;
use std::collections::BTreeMap;

/// Pools or elements that are looked at at a time.
const AT_A_TIME: usize = 4096;

/// How a registrar and an element stand.
const STATES: [&str; 6] = ["registered", "awaiting_answer", "contested", "asked", "adopted", "of_others"];

/// The numbers. Those of policies and transports are those of pools, whose elements have the same.
#[derive(Clone, Debug, Default)]
pub struct ElementCounts {
    by_policy: BTreeMap<u32, (Option<Policy>, usize)>,
    by_protocol: BTreeMap<&'static str, usize>,
    by_state: [usize; STATES.len()],
}

impl ElementCounts {
    /// None: the registrar does not answer.
    pub fn ask(source: &Source) -> Option<ElementCounts> {
        let mut counts = ElementCounts::default();
        let mut pools = Some(PoolIndex::at(0));
        while let Some(from) = pools {
            (counts, pools) =
                source.window.look(REGISTRAR_TIME, move |registrar, _| counts.with_pools(registrar, from))?;
        }
        let mut elements = Some(ElementIndex::FIRST);
        while let Some(from) = elements {
            let look = move |registrar: &Registrar, _: &_| counts.with_elements(registrar, from);
            (counts, elements) = source.window.look(REGISTRAR_TIME, look)?;
        }
        Some(counts)
    }

    /// With those pools of which there are some from here on, and where to go on.
    fn with_pools(mut self, registrar: &Registrar, from: PoolIndex) -> (ElementCounts, Option<PoolIndex>) {
        let mut pools = registrar.handlespace().pools_from(Some(from));
        for (_, pool) in pools.by_ref().take(AT_A_TIME) {
            let number = key_of(pool.policy());
            let known = || (Some(pool.policy().clone()).filter(|_| number != OTHER), 0);
            self.by_policy.entry(number).or_insert_with(known).1 += pool.len();
            *self.by_protocol.entry(show::protocol(pool.user_transport())).or_default() += pool.len();
        }
        let next = pools.next().map(|(index, _)| index);
        (self, next)
    }

    fn with_elements(mut self, registrar: &Registrar, from: ElementIndex) -> (ElementCounts, Option<ElementIndex>) {
        let handlespace = registrar.handlespace();
        for (_, element) in handlespace.elements_from(from, AT_A_TIME) {
            self.by_state[state_of(registrar.id(), element)] += 1;
        }
        let next = from.skip(AT_A_TIME);
        (self, (next < handlespace.end_of_elements()).then_some(next))
    }

    pub fn by_policy(&self) -> impl Iterator<Item = (String, usize)> {
        let name = |policy: &Option<Policy>| policy.as_ref().map_or("other".to_owned(), show::policy_name);
        self.by_policy.values().map(move |(policy, count)| (name(policy), *count))
    }

    pub fn by_protocol(&self) -> impl Iterator<Item = (String, usize)> {
        self.by_protocol.iter().map(|(protocol, count)| ((*protocol).to_owned(), *count))
    }

    pub fn by_state(&self) -> impl Iterator<Item = (String, usize)> {
        STATES.into_iter().zip(self.by_state).map(|(state, count)| (state.to_owned(), count))
    }
}

/// The key of all policies that have no name here: elements choose their numbers.
const OTHER: u32 = u32::MAX;

fn key_of(policy: &Policy) -> u32 {
    match policy {
        Policy::Unknown { .. } => OTHER,
        known => known.policy_type().0,
    }
}

/// By its place in [`STATES`].
fn state_of(own: RegistrarId, element: &Element) -> usize {
    let liveness = element.liveness();
    match liveness.claim() {
        _ if element.home_registrar() != own => 5,
        Claim::Adopted => 4,
        Claim::Asked => 3,
        Claim::Contested => 2,
        Claim::Registered if liveness.asked_at().is_some() => 1,
        Claim::Registered => 0,
    }
}
