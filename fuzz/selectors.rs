//! Sequences of operations on a selector against the slow and obvious way; `tests/wire/fuzz_smoke.rs` does the same on the stable
//! toolchain.
//!
//! The first byte chooses the policy. Then four bytes an operation: what, which member, and two values.

use rserpool::policy::{Member, Policies, Selector};
use rserpool::random::Random;
use rserpool::wire::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// More would only take longer.
const MAX_OPERATIONS: usize = 300;
/// Rounds of Weighted Round Robin are counted up to this sum of weights.
const MAX_ROUND: u64 = 1000;

/// What an element registers: its policy, and what the model has to know of it.
struct Registered {
    policy: Policy,
    /// What decides, the lowest first, and what a selection adds to it.
    rank: u64,
    step: Option<u32>,
    /// Of the policies that go by weight.
    weight: Option<u32>,
}

/// Small values, of which many are equal, and a few very large ones.
fn value(byte: u8) -> u32 {
    match byte {
        0..=239 => u32::from(byte % 12),
        _ => u32::MAX - u32::from(byte % 4),
    }
}

fn register(choice: u8, first: u8, second: u8) -> Registered {
    let (a, b) = (value(first), value(second));
    let (factor, distance) = (u32::from(second) << 20, u32::from(first % 5) * 10);
    let penalty = u64::from(factor) * u64::from(distance);
    let by_rank = |policy, rank, step| Registered { policy, rank, step, weight: None };
    let by_weight = |policy, weight| Registered { policy, rank: 0, step: None, weight: Some(weight) };
    let at_random = |policy| Registered { policy, rank: 0, step: None, weight: None };
    let (load, both) = (u64::from(a), u64::from(a) + u64::from(b));
    match choice % 18 {
        0 => at_random(Policy::RoundRobin),
        1 => by_weight(Policy::WeightedRoundRobin { weight: a }, a),
        2 => at_random(Policy::Random),
        3 => by_weight(Policy::WeightedRandom { weight: a }, a),
        4 => by_rank(Policy::Priority { priority: a }, u64::from(u32::MAX - a), None),
        5 => by_rank(Policy::LeastUsed { load: a }, load, None),
        6 => by_rank(Policy::LeastUsedDegradation { load: a, degradation: b }, load, Some(b)),
        7 => by_rank(Policy::PriorityLeastUsed { load: a, degradation: b }, both, None),
        8 => by_rank(Policy::PriorityLeastUsedDegradation { load: a, degradation: b }, both, Some(b)),
        9 => by_rank(Policy::LeastUsedDpf { load: a, load_dpf: factor, distance }, load + penalty, None),
        10 => {
            let policy = Policy::LeastUsedDegradationDpf { load: a, degradation: b, load_dpf: factor, distance };
            by_rank(policy, load + penalty, Some(b))
        }
        11 => {
            let policy = Policy::PriorityLeastUsedDpf { load: a, degradation: b, load_dpf: factor, distance };
            by_rank(policy, both + penalty, None)
        }
        12 => {
            let policy =
                Policy::PriorityLeastUsedDegradationDpf { load: a, degradation: b, load_dpf: factor, distance };
            by_rank(policy, both + penalty, Some(b))
        }
        13 => at_random(Policy::RandomizedLeastUsed { load: a }),
        14 => at_random(Policy::RandomizedPriorityLeastUsed { load: a, degradation: b }),
        15 => at_random(Policy::RandomizedLeastUsedDegradation { load: a, degradation: b }),
        16 => at_random(Policy::RandomizedPriorityLeastUsedDegradation { load: a, degradation: b }),
        _ => by_weight(Policy::WeightedRandomDpf { weight: a, weight_dpf: factor, distance }, a),
    }
}

/// The members in a list: in the order of their turns, or sorted by rank, equals in the order of theirs.
struct Model {
    is_round_robin: bool,
    is_by_rank: bool,
    order: Vec<(u64, Member, Option<u32>)>,
    weights: BTreeMap<Member, u32>,
}

impl Model {
    fn insert(&mut self, member: Member, new: &Registered) {
        self.put((new.rank, member, new.step));
        self.weights.insert(member, new.weight.unwrap_or(1));
    }

    fn put(&mut self, entry: (u64, Member, Option<u32>)) {
        let at = self.order.iter().filter(|other| other.0 <= entry.0).count();
        self.order.insert(at, entry);
    }

    fn update(&mut self, member: Member, new: &Registered) {
        self.weights.insert(member, new.weight.unwrap_or(1));
        let at = self.order.iter().position(|entry| entry.1 == member).expect("known");
        self.order[at].2 = new.step;
        if self.order[at].0 != new.rank {
            self.order.remove(at);
            self.put((new.rank, member, new.step));
        }
    }

    fn remove(&mut self, member: Member) {
        self.order.retain(|entry| entry.1 != member);
        self.weights.remove(&member);
    }

    /// What a selection must return, where chance has no part in it, and what it changes.
    fn select(&mut self, items: usize) -> Option<Vec<Member>> {
        if !self.is_round_robin && !self.is_by_rank {
            return None;
        }
        let chosen: Vec<_> = self.order.iter().take(items).copied().collect();
        let counts = chosen.first().is_some_and(|first| first.2.is_some());
        let moved = if counts { chosen.len() } else { chosen.len().min(1) };
        self.order.drain(..moved);
        let mut later: Vec<_> = chosen[..moved].to_vec();
        later.iter_mut().for_each(|entry| entry.0 = entry.0.saturating_add(entry.2.unwrap_or(0).into()));
        later.sort_by_key(|entry| entry.0);
        later.into_iter().for_each(|entry| self.put(entry));
        Some(chosen.into_iter().map(|entry| entry.1).collect())
    }

    fn selectable(&self) -> usize {
        self.weights.values().filter(|&&weight| weight > 0).count()
    }
}

fn select(selector: &mut dyn Selector, model: &mut Model, items: usize, random: &mut Random) -> Vec<Member> {
    let mut chosen = vec![Member::MAX];
    selector.select(items, random, &mut chosen);
    assert_eq!(chosen.remove(0), Member::MAX, "what stood there stays");
    assert_eq!(chosen.len(), items.min(model.selectable()));
    assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), chosen.len(), "nobody twice");
    assert!(chosen.iter().all(|member| model.weights.get(member).is_some_and(|&weight| weight > 0)));
    if let Some(expected) = model.select(items) {
        assert_eq!(chosen, expected);
    }
    chosen
}

/// In a round of Weighted Round Robin each member has its turns, give or take those that it owes, or is owed, at both ends.
fn check_round(selector: &mut dyn Selector, model: &mut Model, random: &mut Random) {
    let total: u64 = model.weights.values().map(|&weight| u64::from(weight)).sum();
    if total > MAX_ROUND {
        return;
    }
    // What changes have left behind is made good in the rounds before.
    let rounds = 4;
    let mut turns: BTreeMap<Member, u64> = BTreeMap::new();
    for turn in 0..(rounds + 1) * total {
        let chosen = select(selector, model, 1, random);
        if turn >= rounds * total {
            *turns.entry(chosen[0]).or_default() += 1;
        }
    }
    for (member, &weight) in &model.weights {
        let had = turns.get(member).copied().unwrap_or(0);
        assert!(had.abs_diff(weight.into()) <= 2, "member {member} of weight {weight} had {had} turns of {total}");
    }
}

/// Runs the operations in `bytes`.
pub fn selectors(bytes: &[u8]) {
    let Some((&choice, operations)) = bytes.split_first() else { return };
    let policy_type = register(choice, 0, 0).policy.policy_type();
    let mut selector = Policies::standard().selector_for(policy_type).expect("it is one of the standard policies");
    let is_by_rank = (4..=12).contains(&(choice % 18));
    let (order, weights) = (Vec::new(), BTreeMap::new());
    let mut model = Model { is_round_robin: choice % 18 == 0, is_by_rank, order, weights };
    let mut random = Random::new(7);
    for operation in operations.chunks_exact(4).take(MAX_OPERATIONS) {
        let &[what, number, first, second] = operation else { continue };
        let member = Member::from(number % 64);
        let is_known = model.weights.contains_key(&member);
        match what % 8 {
            0..=3 => {
                let new = register(choice, first, second);
                if is_known {
                    selector.update(member, &new.policy);
                    model.update(member, &new);
                } else {
                    selector.insert(member, &new.policy);
                    model.insert(member, &new);
                }
            }
            4 if is_known => {
                selector.remove(member);
                model.remove(member);
            }
            4 | 5 => {
                select(&mut *selector, &mut model, 1, &mut random);
            }
            6 => {
                select(&mut *selector, &mut model, usize::from(first % 80), &mut random);
            }
            _ => {
                for _ in 0..first % 16 {
                    select(&mut *selector, &mut model, usize::from(second % 5), &mut random);
                }
            }
        }
    }
    if choice % 18 == 1 {
        check_round(&mut *selector, &mut model, &mut random);
    }
}
