//! Pool member selection policies (RFC 5356 and rsplib's own), one file a family.
//!
//! A pool has one [`Selector`], which keeps the order or the weights of its members between selections, so that no
//! selection looks at members that it does not return.

mod least_used;
mod random;
mod round_robin;
mod weighted_random;
mod weighted_round_robin;

use crate::random::Random;
use crate::wire::{Policy, PolicyType};
use std::fmt::Debug;

/// A pool element within its pool: a small number, used again when the element has left.
pub type Member = u32;

/// Chooses members of one pool by the pool's policy.
pub trait Selector: Debug + Send {
    /// A member joins. Its policy has the type that the selector was made for.
    fn insert(&mut self, member: Member, policy: &Policy);
    /// A member registered again, with new values or the same.
    fn update(&mut self, member: Member, policy: &Policy);
    /// A member leaves.
    fn remove(&mut self, member: Member);
    /// Appends up to `items` different members to `out`, best first, and advances the policy's state.
    fn select(&mut self, items: usize, random: &mut Random, out: &mut Vec<Member>);
}

/// A selector for an empty pool of this policy; none when the policy is not supported, and a pool must not have it.
///
/// The DPF policies of rsplib are not supported: they need distances that no registrar measures here.
pub fn selector_for(policy_type: PolicyType) -> Option<Box<dyn Selector>> {
    use least_used::LeastUsed;
    use weighted_random::WeightedRandom;
    Some(match policy_type {
        PolicyType::ROUND_ROBIN => Box::<round_robin::RoundRobin>::default(),
        PolicyType::WEIGHTED_ROUND_ROBIN => Box::<weighted_round_robin::WeightedRoundRobin>::default(),
        PolicyType::RANDOM => Box::<random::UniformRandom>::default(),
        PolicyType::WEIGHTED_RANDOM
        | PolicyType::RANDOMIZED_LEAST_USED
        | PolicyType::RANDOMIZED_PRIORITY_LEAST_USED
        | PolicyType::RANDOMIZED_LEAST_USED_DEGRADATION
        | PolicyType::RANDOMIZED_PRIORITY_LEAST_USED_DEGRADATION => Box::<WeightedRandom>::default(),
        PolicyType::PRIORITY
        | PolicyType::LEAST_USED
        | PolicyType::LEAST_USED_DEGRADATION
        | PolicyType::PRIORITY_LEAST_USED
        | PolicyType::PRIORITY_LEAST_USED_DEGRADATION => Box::<LeastUsed>::default(),
        _ => return None,
    })
}

/// Whether pools can have this policy.
pub fn is_supported(policy_type: PolicyType) -> bool {
    selector_for(policy_type).is_some()
}

/// A value that grows with each selection: `base + selections * step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Degrading {
    base: u64,
    step: u64,
    /// Whether the policy counts selections at all.
    counts: bool,
}

impl Degrading {
    fn fixed(base: u64) -> Degrading {
        Degrading { base, step: 0, counts: false }
    }

    /// The value after `selections` selections: the degradation counter of RFC 5356 section 5.2.
    fn value(self, selections: u64) -> u64 {
        self.base.saturating_add(selections.saturating_mul(self.step))
    }

    /// The load of an element as its policy sees it: what the least used and the randomized least used families compare.
    fn load_of(policy: &Policy) -> Degrading {
        match *policy {
            Policy::LeastUsed { load } | Policy::RandomizedLeastUsed { load } => Degrading::fixed(u64::from(load)),
            Policy::LeastUsedDegradation { load, degradation }
            | Policy::RandomizedLeastUsedDegradation { load, degradation } => {
                Degrading { base: u64::from(load), step: u64::from(degradation), counts: true }
            }
            Policy::PriorityLeastUsed { load, degradation }
            | Policy::RandomizedPriorityLeastUsed { load, degradation } => {
                Degrading::fixed(u64::from(load) + u64::from(degradation))
            }
            Policy::PriorityLeastUsedDegradation { load, degradation }
            | Policy::RandomizedPriorityLeastUsedDegradation { load, degradation } => {
                let step = u64::from(degradation);
                Degrading { base: u64::from(load) + step, step, counts: true }
            }
            _ => Degrading::fixed(0),
        }
    }
}

/// The entry of a member in a table indexed by member; grows the table when the member is new.
fn slot_of<T>(table: &mut Vec<Option<T>>, member: Member) -> &mut Option<T> {
    let index = member as usize;
    if index >= table.len() {
        table.resize_with(index + 1, || None);
    }
    &mut table[index]
}

#[cfg(test)]
mod tests;
