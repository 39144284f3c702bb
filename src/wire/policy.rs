//! Pool Member Selection Policy parameter (RFC 5354 section 3.8, RFC 5356; rsplib's private types).

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
}

impl Policy {
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
            Policy::Unknown { policy_type, .. } => *policy_type,
        }
    }
}
