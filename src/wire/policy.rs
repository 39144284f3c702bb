//! Pool Member Selection Policy parameter (RFC 5354 section 3.8, RFC 5356; rsplib's private types).

use super::parameter::{Parameter, Reports, parameter_type};
use super::{Reader, Undecodable, WireError, Writer};

/// A policy with the values that a pool element registers for itself.
///
/// Loads run from 0 (idle) to 0xffffffff (100 %), weights and priorities are plain numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the fields are the RFC's words
pub enum Policy {
    RoundRobin,
    WeightedRoundRobin {
        weight: u32,
    },
    Random,
    WeightedRandom {
        weight: u32,
    },
    Priority {
        priority: u32,
    },
    LeastUsed {
        load: u32,
    },
    LeastUsedDegradation {
        load: u32,
        degradation: u32,
    },
    PriorityLeastUsed {
        load: u32,
        degradation: u32,
    },
    RandomizedLeastUsed {
        load: u32,
    },
    RandomizedPriorityLeastUsed {
        load: u32,
        degradation: u32,
    },
    RandomizedLeastUsedDegradation {
        load: u32,
        degradation: u32,
    },
    PriorityLeastUsedDegradation {
        load: u32,
        degradation: u32,
    },
    RandomizedPriorityLeastUsedDegradation {
        load: u32,
        degradation: u32,
    },
    WeightedRandomDpf {
        weight: u32,
        weight_dpf: u32,
        distance: u32,
    },
    LeastUsedDpf {
        load: u32,
        load_dpf: u32,
        distance: u32,
    },
    LeastUsedDegradationDpf {
        load: u32,
        degradation: u32,
        load_dpf: u32,
        distance: u32,
    },
    PriorityLeastUsedDpf {
        load: u32,
        degradation: u32,
        load_dpf: u32,
        distance: u32,
    },
    PriorityLeastUsedDegradationDpf {
        load: u32,
        degradation: u32,
        load_dpf: u32,
        distance: u32,
    },
    /// A type that this implementation does not know, with its data as received.
    Unknown {
        policy_type: PolicyType,
        data: Vec<u8>,
    },
}

/// The number of a policy (RFC 5356, RFC 5356 section 6 for the registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyType(pub u32);

#[allow(missing_docs)] // the RFC's names
impl PolicyType {
    pub const ROUND_ROBIN: PolicyType = PolicyType(0x0000_0001);
    pub const WEIGHTED_ROUND_ROBIN: PolicyType = PolicyType(0x0000_0002);
    pub const RANDOM: PolicyType = PolicyType(0x0000_0003);
    pub const WEIGHTED_RANDOM: PolicyType = PolicyType(0x0000_0004);
    pub const PRIORITY: PolicyType = PolicyType(0x0000_0005);
    pub const LEAST_USED: PolicyType = PolicyType(0x4000_0001);
    pub const LEAST_USED_DEGRADATION: PolicyType = PolicyType(0x4000_0002);
    pub const PRIORITY_LEAST_USED: PolicyType = PolicyType(0x4000_0003);
    pub const RANDOMIZED_LEAST_USED: PolicyType = PolicyType(0x4000_0004);
    pub const RANDOMIZED_PRIORITY_LEAST_USED: PolicyType = PolicyType(0xb000_1001);
    pub const RANDOMIZED_LEAST_USED_DEGRADATION: PolicyType = PolicyType(0xb000_1002);
    pub const PRIORITY_LEAST_USED_DEGRADATION: PolicyType = PolicyType(0xb000_1003);
    pub const RANDOMIZED_PRIORITY_LEAST_USED_DEGRADATION: PolicyType = PolicyType(0xb000_1004);
    pub const WEIGHTED_RANDOM_DPF: PolicyType = PolicyType(0xb000_2001);
    pub const LEAST_USED_DPF: PolicyType = PolicyType(0xb000_2002);
    pub const LEAST_USED_DEGRADATION_DPF: PolicyType = PolicyType(0xb000_2003);
    // rsplib has only names for these two and no format: we send the values of LEAST_USED_DEGRADATION_DPF.
    pub const PRIORITY_LEAST_USED_DPF: PolicyType = PolicyType(0xb000_2004);
    pub const PRIORITY_LEAST_USED_DEGRADATION_DPF: PolicyType = PolicyType(0xb000_2005);
}

impl Policy {
    /// The load of the element, under policies that know one; `u32::MAX` is 100 %.
    pub fn load(&self) -> Option<u32> {
        match self {
            Policy::LeastUsed { load }
            | Policy::LeastUsedDegradation { load, .. }
            | Policy::PriorityLeastUsed { load, .. }
            | Policy::RandomizedLeastUsed { load }
            | Policy::RandomizedPriorityLeastUsed { load, .. }
            | Policy::RandomizedLeastUsedDegradation { load, .. }
            | Policy::PriorityLeastUsedDegradation { load, .. }
            | Policy::RandomizedPriorityLeastUsedDegradation { load, .. }
            | Policy::LeastUsedDpf { load, .. }
            | Policy::LeastUsedDegradationDpf { load, .. }
            | Policy::PriorityLeastUsedDpf { load, .. }
            | Policy::PriorityLeastUsedDegradationDpf { load, .. } => Some(*load),
            _ => None,
        }
    }

    /// The number of this policy.
    pub fn policy_type(&self) -> PolicyType {
        match self {
            Policy::RoundRobin => PolicyType::ROUND_ROBIN,
            Policy::WeightedRoundRobin { .. } => PolicyType::WEIGHTED_ROUND_ROBIN,
            Policy::Random => PolicyType::RANDOM,
            Policy::WeightedRandom { .. } => PolicyType::WEIGHTED_RANDOM,
            Policy::Priority { .. } => PolicyType::PRIORITY,
            Policy::LeastUsed { .. } => PolicyType::LEAST_USED,
            Policy::LeastUsedDegradation { .. } => PolicyType::LEAST_USED_DEGRADATION,
            Policy::PriorityLeastUsed { .. } => PolicyType::PRIORITY_LEAST_USED,
            Policy::RandomizedLeastUsed { .. } => PolicyType::RANDOMIZED_LEAST_USED,
            Policy::RandomizedPriorityLeastUsed { .. } => PolicyType::RANDOMIZED_PRIORITY_LEAST_USED,
            Policy::RandomizedLeastUsedDegradation { .. } => PolicyType::RANDOMIZED_LEAST_USED_DEGRADATION,
            Policy::PriorityLeastUsedDegradation { .. } => PolicyType::PRIORITY_LEAST_USED_DEGRADATION,
            Policy::RandomizedPriorityLeastUsedDegradation { .. } => {
                PolicyType::RANDOMIZED_PRIORITY_LEAST_USED_DEGRADATION
            }
            Policy::WeightedRandomDpf { .. } => PolicyType::WEIGHTED_RANDOM_DPF,
            Policy::LeastUsedDpf { .. } => PolicyType::LEAST_USED_DPF,
            Policy::LeastUsedDegradationDpf { .. } => PolicyType::LEAST_USED_DEGRADATION_DPF,
            Policy::PriorityLeastUsedDpf { .. } => PolicyType::PRIORITY_LEAST_USED_DPF,
            Policy::PriorityLeastUsedDegradationDpf { .. } => PolicyType::PRIORITY_LEAST_USED_DEGRADATION_DPF,
            Policy::Unknown { policy_type, .. } => *policy_type,
        }
    }
}

impl Parameter for Policy {
    const TYPE: u16 = parameter_type::POLICY;
    const NAME: &'static str = "pool member selection policy";

    fn decode_value(mut value: Reader<'_>, _: &mut Reports) -> Result<Policy, Undecodable> {
        let policy_type = PolicyType(value.u32("policy type")?);
        let v = &mut value;
        let policy = match policy_type {
            PolicyType::ROUND_ROBIN => Policy::RoundRobin,
            PolicyType::WEIGHTED_ROUND_ROBIN => Policy::WeightedRoundRobin { weight: weight(v)? },
            PolicyType::RANDOM => Policy::Random,
            PolicyType::WEIGHTED_RANDOM => Policy::WeightedRandom { weight: weight(v)? },
            PolicyType::PRIORITY => Policy::Priority { priority: v.u32("policy priority")? },
            PolicyType::LEAST_USED => Policy::LeastUsed { load: load(v)? },
            PolicyType::LEAST_USED_DEGRADATION => {
                Policy::LeastUsedDegradation { load: load(v)?, degradation: degradation(v)? }
            }
            PolicyType::PRIORITY_LEAST_USED => {
                Policy::PriorityLeastUsed { load: load(v)?, degradation: degradation(v)? }
            }
            PolicyType::RANDOMIZED_LEAST_USED => Policy::RandomizedLeastUsed { load: load(v)? },
            PolicyType::RANDOMIZED_PRIORITY_LEAST_USED => {
                Policy::RandomizedPriorityLeastUsed { load: load(v)?, degradation: degradation(v)? }
            }
            PolicyType::RANDOMIZED_LEAST_USED_DEGRADATION => {
                Policy::RandomizedLeastUsedDegradation { load: load(v)?, degradation: degradation(v)? }
            }
            PolicyType::PRIORITY_LEAST_USED_DEGRADATION => {
                Policy::PriorityLeastUsedDegradation { load: load(v)?, degradation: degradation(v)? }
            }
            PolicyType::RANDOMIZED_PRIORITY_LEAST_USED_DEGRADATION => {
                Policy::RandomizedPriorityLeastUsedDegradation { load: load(v)?, degradation: degradation(v)? }
            }
            PolicyType::WEIGHTED_RANDOM_DPF => {
                Policy::WeightedRandomDpf { weight: weight(v)?, weight_dpf: dpf(v)?, distance: distance(v)? }
            }
            PolicyType::LEAST_USED_DPF => {
                Policy::LeastUsedDpf { load: load(v)?, load_dpf: dpf(v)?, distance: distance(v)? }
            }
            PolicyType::LEAST_USED_DEGRADATION_DPF => Policy::LeastUsedDegradationDpf {
                load: load(v)?,
                degradation: degradation(v)?,
                load_dpf: dpf(v)?,
                distance: distance(v)?,
            },
            PolicyType::PRIORITY_LEAST_USED_DPF => Policy::PriorityLeastUsedDpf {
                load: load(v)?,
                degradation: degradation(v)?,
                load_dpf: dpf(v)?,
                distance: distance(v)?,
            },
            PolicyType::PRIORITY_LEAST_USED_DEGRADATION_DPF => Policy::PriorityLeastUsedDegradationDpf {
                load: load(v)?,
                degradation: degradation(v)?,
                load_dpf: dpf(v)?,
                distance: distance(v)?,
            },
            _ => return Ok(Policy::Unknown { policy_type, data: value.remaining().to_vec() }),
        };
        value.finish("excess length of policy")?;
        Ok(policy)
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        let kind = self.policy_type().0;
        match *self {
            Policy::RoundRobin | Policy::Random => w.words([kind]),
            Policy::WeightedRoundRobin { weight } | Policy::WeightedRandom { weight } => w.words([kind, weight]),
            Policy::Priority { priority } => w.words([kind, priority]),
            Policy::LeastUsed { load } | Policy::RandomizedLeastUsed { load } => w.words([kind, load]),
            Policy::LeastUsedDegradation { load, degradation }
            | Policy::PriorityLeastUsed { load, degradation }
            | Policy::RandomizedPriorityLeastUsed { load, degradation }
            | Policy::RandomizedLeastUsedDegradation { load, degradation }
            | Policy::PriorityLeastUsedDegradation { load, degradation }
            | Policy::RandomizedPriorityLeastUsedDegradation { load, degradation } => {
                w.words([kind, load, degradation])
            }
            Policy::WeightedRandomDpf { weight, weight_dpf, distance } => w.words([kind, weight, weight_dpf, distance]),
            Policy::LeastUsedDpf { load, load_dpf, distance } => w.words([kind, load, load_dpf, distance]),
            Policy::LeastUsedDegradationDpf { load, degradation, load_dpf, distance }
            | Policy::PriorityLeastUsedDpf { load, degradation, load_dpf, distance }
            | Policy::PriorityLeastUsedDegradationDpf { load, degradation, load_dpf, distance } => {
                w.words([kind, load, degradation, load_dpf, distance]);
            }
            Policy::Unknown { ref data, .. } => {
                w.u32(kind);
                w.bytes(data);
            }
        }
    }
}

fn weight(value: &mut Reader<'_>) -> Result<u32, WireError> {
    value.u32("policy weight")
}

fn load(value: &mut Reader<'_>) -> Result<u32, WireError> {
    value.u32("policy load")
}

fn degradation(value: &mut Reader<'_>) -> Result<u32, WireError> {
    value.u32("policy load degradation")
}

fn dpf(value: &mut Reader<'_>) -> Result<u32, WireError> {
    value.u32("policy distance penalty factor")
}

fn distance(value: &mut Reader<'_>) -> Result<u32, WireError> {
    value.u32("policy distance")
}
