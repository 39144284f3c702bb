//! After the faults: the registrars that are left agree, each element has one home, which is the one that its process
//! believes in, and nothing is left of what is dead.

use crate::config::{SECOND, SimConfig};
use crate::node::NodeId;
use crate::support::network::EndId;
use crate::world::World;
use rserpool::RegistrarId;
use rserpool::registrar::Registrar;
use std::collections::BTreeMap;

/// Pool number (none: a pool that the run does not have) and identifier of each element, with its home; in order.
type Elements = Vec<((Option<usize>, u32), RegistrarId)>;

/// How long everything may take to settle, once nothing is in its way, in nanoseconds. Each term is what may have to
/// happen one after another; the sum is taken twice, as an attempt may have begun just before the end of the faults.
pub fn bound(config: &SimConfig) -> u64 {
    let nanos = |duration: std::time::Duration| duration.as_nanos() as u64;
    let (client, registrar) = (&config.client, &config.registrar);
    // A break, or half of one, is noticed; what was asked to stop is there again.
    let notice = 2 * config.detection.1 + 3 * SECOND;
    // A stopped registrar takes no registration: T4 comes, then T2, three times where it was heard shortly before, for two in a row.
    let silence = nanos(config.reregistration_interval) + 6 * nanos(client.t2_registration);
    // The hunt pauses, connects and holds off.
    let hunt = 2 * nanos(client.t5_max) + 2 * nanos(client.connect_timeout);
    // Dead elements are asked and do not answer, once more after a pause of the registrar; then a rejected one returns.
    let keep_alive = 3 * nanos(registrar.keep_alive_interval) + 2 * nanos(registrar.keep_alive_timeout);
    let rejected = nanos(config.reregistration_interval) + SECOND;
    config.stretched(2 * (notice + silence + hunt + keep_alive + rejected)) + crate::enrp::agreement_bound(config)
}

/// How long the faults themselves may go on to have effects: breaks that are not noticed yet, stalls of up to three
/// seconds, requests that wait behind them, and the start of registrars that were leaving.
pub fn aftershocks(config: &SimConfig) -> u64 {
    let nanos = |duration: std::time::Duration| duration.as_nanos() as u64;
    let start = config.faults.registrar_leave.map_or(0, |_| crate::enrp::start_time(config));
    start
        + crate::enrp::spreading_time(config)
        + 2 * config.detection.1
        + 3 * SECOND
        + nanos(config.client.t2_registration)
        + nanos(config.registrar.keep_alive_timeout)
}

impl World {
    /// What is not settled yet, if anything.
    pub fn unsettled(&self) -> Option<String> {
        let registrars: Vec<NodeId> = (0..self.config.registrars).filter(|node| self.is_core(*node)).collect();
        let (first, others) = registrars.split_first()?;
        let elements = self.elements_at(*first);
        if let Some(other) = others.iter().find(|other| self.differ_at_a_glance(*first, **other)) {
            return Some(difference(*first, &elements, *other, &self.elements_at(*other)));
        }
        if let Some(other) = others.iter().find(|other| self.elements_at(**other) != elements) {
            return Some(difference(*first, &elements, *other, &self.elements_at(*other)));
        }
        let ids: BTreeMap<RegistrarId, NodeId> =
            registrars.iter().filter_map(|node| Some((self.nodes[*node].registrar()?.id(), *node))).collect();
        for ((pool, id), home) in &elements {
            if !pool.is_some_and(|pool| self.is_served(pool, *id)) {
                return Some(format!("element {id:08x} of pool {pool:?} is dead and still registered"));
            }
            let believed = self.home_of((*id >> 8) as usize);
            if believed.is_none() || ids.get(home) != believed.as_ref() {
                return Some(format!(
                    "element {id:08x} of pool {pool:?} has home {home:?}, its process believes in {believed:?}"
                ));
            }
        }
        for node in self.config.registrars..self.config.honest() {
            for element in self.plans[node].own_elements().iter().filter(|e| self.is_served(e.pool, e.id)) {
                if home_in(&elements, (Some(element.pool), element.id)).is_none() {
                    return Some(format!("element {:08x} of pool {} is not registered", element.id, element.pool));
                }
            }
        }
        None
    }

    /// Whether two registrars cannot agree: they count or add up differently. What is kept in the registrars decides here that
    /// nothing has settled yet, never that something has.
    fn differ_at_a_glance(&self, one: NodeId, other: NodeId) -> bool {
        if self.rogues_are_there() {
            return false; // what they register comes and goes
        }
        let of = |node: NodeId| self.nodes[node].registrar().map(Registrar::handlespace);
        let (Some(one), Some(other)) = (of(one), of(other)) else { return true };
        let counted = |(_, count): &(RegistrarId, usize)| *count > 0;
        one.element_count() != other.element_count() || !one.owners().filter(counted).eq(other.owners().filter(counted))
    }

    /// Every element that a registrar knows, with its home.
    pub fn elements_at(&self, node: NodeId) -> Elements {
        let Some(registrar) = self.nodes[node].registrar() else { return Elements::new() };
        let handlespace = registrar.handlespace();
        let mut elements = Elements::with_capacity(handlespace.element_count());
        let rogues = self.rogues_are_there();
        for (_, pool) in handlespace.pools_from(None) {
            let number = self.config.pool_number(pool.handle());
            let known = pool.elements().filter_map(|index| handlespace.element(index));
            elements.extend(known.map(|element| ((number, element.id().0), element.home_registrar())));
        }
        // Elements of rogues are nobody's concern as long as these are there.
        elements.retain(|((pool, id), _)| !rogues || self.honest_address(*pool, *id).is_some());
        elements.sort_unstable();
        elements
    }

    /// The registrar that a client takes for its home.
    pub fn home_of(&self, node: NodeId) -> Option<NodeId> {
        let home = self.nodes[node].client()?.core.home_registrar()?;
        self.registrar_behind(EndId::of(home.association))
    }
}

fn home_in(elements: &Elements, key: (Option<usize>, u32)) -> Option<RegistrarId> {
    elements.binary_search_by_key(&key, |(key, _)| *key).ok().map(|place| elements[place].1)
}

fn difference(first: NodeId, elements: &Elements, other: NodeId, others: &Elements) -> String {
    let ours = elements.iter().find(|(key, home)| home_in(others, *key) != Some(*home));
    let theirs = others.iter().find(|(key, home)| home_in(elements, *key) != Some(*home));
    format!("registrars on nodes {first} and {other} disagree: the one has {ours:?}, the other one {theirs:?}")
}
