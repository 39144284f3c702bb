//! Pool member selection policies (RFC 5356 and rsplib's own), one file a family.
//!
//! A pool has one [`Selector`], which keeps the order or the weights of its members between selections, so that no
//! selection looks at members that it does not return.

mod degrading;
mod least_used;
mod load;
mod ordered;
mod queue;
mod random;
mod ring;
mod round_robin;
mod weighted_random;
mod weighted_round_robin;

use crate::random::Random;
use crate::wire::{Policy, PolicyType};
use smallvec::SmallVec;
use std::fmt;

/// A pool element within its pool: a small number, used again when the element has left.
pub type Member = u32;

/// Chooses members of one pool by the pool's policy.
pub trait Selector: Send {
    /// A member joins. Its policy has the type that the selector was made for.
    fn insert(&mut self, member: Member, policy: &Policy);
    /// A member registered again, with new values or the same.
    fn update(&mut self, member: Member, policy: &Policy);
    /// A member leaves.
    fn remove(&mut self, member: Member);
    /// Appends up to `items` different members to `out`, best first, and advances the policy's state.
    fn select(&mut self, items: usize, random: &mut Random, out: &mut Vec<Member>);
}

/// For whoever has one and derives `Debug`. Selectors themselves need none: what makes texts of their insides would be in every
/// library, as nobody can see that it is never called.
impl fmt::Debug for dyn Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Selector")
    }
}

/// Makes the selector of an empty pool.
pub type MakeSelector = fn() -> Box<dyn Selector>;

/// The policies that pools can have: all of RFC 5356 and of rsplib, and whatever is added.
///
/// A policy is added by its number and a [`Selector`] of its own, to registrars by `RegistrarConfig::policies` and to pool users
/// by `AsapConfig::policies`. Numbers that this crate does not know come to the selector as `Policy::Unknown`, with the values
/// as they were received.
#[derive(Clone, Debug)]
pub struct Policies {
    known: Vec<(PolicyType, MakeSelector)>,
}

impl Default for Policies {
    fn default() -> Policies {
        Policies::standard()
    }
}

impl Policies {
    /// All of RFC 5356 and of rsplib.
    pub fn standard() -> Policies {
        Policies { known: STANDARD.to_vec() }
    }

    /// One more, or another selector for one that is there.
    pub fn with(mut self, policy_type: PolicyType, make: MakeSelector) -> Policies {
        self.known.retain(|&(known, _)| known != policy_type);
        self.known.push((policy_type, make));
        self
    }

    /// A selector for an empty pool of this policy; none when it is not known, and a pool must not have it.
    pub fn selector_for(&self, policy_type: PolicyType) -> Option<Box<dyn Selector>> {
        self.known.iter().find(|&&(known, _)| known == policy_type).map(|&(_, make)| make())
    }

    /// Whether pools can have this policy.
    pub fn is_supported(&self, policy_type: PolicyType) -> bool {
        self.known.iter().any(|&(known, _)| known == policy_type)
    }
}

const STANDARD: [(PolicyType, MakeSelector); 18] = [
    (PolicyType::ROUND_ROBIN, boxed::<round_robin::RoundRobin>),
    (PolicyType::WEIGHTED_ROUND_ROBIN, boxed::<weighted_round_robin::WeightedRoundRobin>),
    (PolicyType::RANDOM, boxed::<random::UniformRandom>),
    (PolicyType::WEIGHTED_RANDOM, boxed::<weighted_random::WeightedRandom>),
    (PolicyType::PRIORITY, boxed::<least_used::LeastUsed>),
    (PolicyType::LEAST_USED, boxed::<least_used::LeastUsed>),
    (PolicyType::LEAST_USED_DEGRADATION, boxed::<degrading::LeastUsedDegradation>),
    (PolicyType::PRIORITY_LEAST_USED, boxed::<least_used::LeastUsed>),
    (PolicyType::RANDOMIZED_LEAST_USED, boxed::<weighted_random::WeightedRandom>),
    (PolicyType::RANDOMIZED_PRIORITY_LEAST_USED, boxed::<weighted_random::WeightedRandom>),
    (PolicyType::RANDOMIZED_LEAST_USED_DEGRADATION, boxed::<weighted_random::WeightedRandom>),
    (PolicyType::PRIORITY_LEAST_USED_DEGRADATION, boxed::<degrading::LeastUsedDegradation>),
    (PolicyType::RANDOMIZED_PRIORITY_LEAST_USED_DEGRADATION, boxed::<weighted_random::WeightedRandom>),
    (PolicyType::WEIGHTED_RANDOM_DPF, boxed::<weighted_random::WeightedRandom>),
    (PolicyType::LEAST_USED_DPF, boxed::<least_used::LeastUsed>),
    (PolicyType::LEAST_USED_DEGRADATION_DPF, boxed::<degrading::LeastUsedDegradation>),
    (PolicyType::PRIORITY_LEAST_USED_DPF, boxed::<least_used::LeastUsed>),
    (PolicyType::PRIORITY_LEAST_USED_DEGRADATION_DPF, boxed::<degrading::LeastUsedDegradation>),
];

fn boxed<S: Selector + Default + 'static>() -> Box<dyn Selector> {
    Box::<S>::default()
}

/// Something for each member, by its number. In pools of one element, it takes no memory of its own.
type Table<T> = SmallVec<[Option<T>; 1]>;

/// The entry of a member; the table grows when the member is new.
fn slot_of<T>(table: &mut Table<T>, member: Member) -> &mut Option<T> {
    let index = member as usize;
    if index >= table.len() {
        table.resize_with(index + 1, || None);
    }
    &mut table[index]
}

#[cfg(test)]
mod tests;
