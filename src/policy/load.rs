//! The load of an element as its policy sees it.

use crate::wire::Policy;

/// A value that grows with each selection: `base + selections * step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Degrading {
    base: u64,
    /// None: the policy does not count selections.
    step: Option<u32>,
}

impl Degrading {
    pub fn fixed(base: u64) -> Degrading {
        Degrading { base, step: None }
    }

    fn counting(base: u64, step: u32) -> Degrading {
        Degrading { base, step: Some(step) }
    }

    /// Whether the policy counts selections at all.
    pub fn counts(self) -> bool {
        self.step.is_some()
    }

    /// What a selection adds.
    pub fn step(self) -> u32 {
        self.step.unwrap_or(0)
    }

    /// The value after `selections` selections: the degradation counter of RFC 5356 section 5.2.
    pub fn value(self, selections: u32) -> u64 {
        self.base.saturating_add(u64::from(selections) * u64::from(self.step()))
    }

    /// What the least used and the randomized least used families compare.
    pub fn load_of(policy: &Policy) -> Degrading {
        match *policy {
            Policy::LeastUsed { load } | Policy::RandomizedLeastUsed { load } => Degrading::fixed(load.into()),
            Policy::LeastUsedDegradation { load, degradation }
            | Policy::RandomizedLeastUsedDegradation { load, degradation } => {
                Degrading::counting(load.into(), degradation)
            }
            Policy::PriorityLeastUsed { load, degradation }
            | Policy::RandomizedPriorityLeastUsed { load, degradation } => {
                Degrading::fixed(u64::from(load) + u64::from(degradation))
            }
            Policy::PriorityLeastUsedDegradation { load, degradation }
            | Policy::RandomizedPriorityLeastUsedDegradation { load, degradation } => {
                Degrading::counting(u64::from(load) + u64::from(degradation), degradation)
            }
            Policy::LeastUsedDpf { load, load_dpf, distance } => {
                Degrading::fixed(u64::from(load).saturating_add(penalty(load_dpf, distance)))
            }
            Policy::LeastUsedDegradationDpf { load, degradation, load_dpf, distance } => {
                Degrading::counting(u64::from(load).saturating_add(penalty(load_dpf, distance)), degradation)
            }
            Policy::PriorityLeastUsedDpf { load, degradation, load_dpf, distance } => {
                let base = u64::from(load) + u64::from(degradation);
                Degrading::fixed(base.saturating_add(penalty(load_dpf, distance)))
            }
            Policy::PriorityLeastUsedDegradationDpf { load, degradation, load_dpf, distance } => {
                let base = u64::from(load) + u64::from(degradation);
                Degrading::counting(base.saturating_add(penalty(load_dpf, distance)), degradation)
            }
            _ => Degrading::fixed(0),
        }
    }
}

/// What a distance of so many milliseconds adds to a load: the penalty factor is a part of 2^32-1, 100 % a millisecond at most.
fn penalty(factor: u32, distance: u32) -> u64 {
    u64::from(factor) * u64::from(distance)
}

/// What a distance leaves of a weight: each millisecond takes `factor` / (2^32-1) of it away. One at least is left, so that
/// distance alone never makes an element useless; a weight of zero stays zero.
pub(super) fn weight_at_distance(weight: u32, factor: u32, distance: u32) -> u32 {
    let (whole, part) = (u128::from(u32::MAX), u128::from(penalty(factor, distance)));
    let lost = (u128::from(weight) * part + whole / 2) / whole;
    let left = u128::from(weight).saturating_sub(lost);
    u32::try_from(left).unwrap_or(u32::MAX).max(weight.min(1))
}
