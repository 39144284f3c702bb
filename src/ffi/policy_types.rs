//! The numbers of `rserpool-policytypes.h`: selection policies (RFC 5356, and rsplib's own) and the ranges of their values.

/// No policy.
pub const PPT_UNDEFINED: u32 = 0_u32;
/// Round Robin.
pub const PPT_ROUNDROBIN: u32 = 0x0000_0001_u32;
/// Weighted Round Robin: rli_weight.
pub const PPT_WEIGHTED_ROUNDROBIN: u32 = 0x0000_0002_u32;
/// Random.
pub const PPT_RANDOM: u32 = 0x0000_0003_u32;
/// Weighted Random: rli_weight.
pub const PPT_WEIGHTED_RANDOM: u32 = 0x0000_0004_u32;
/// Priority: rli_weight is the priority, the highest is used first.
pub const PPT_PRIORITY: u32 = 0x0000_0005_u32;
/// Least Used: rli_load.
pub const PPT_LEASTUSED: u32 = 0x4000_0001_u32;
/// Least Used with Degradation: rli_load, rli_load_degradation.
pub const PPT_LEASTUSED_DEGRADATION: u32 = 0x4000_0002_u32;
/// Priority Least Used: rli_load, rli_load_degradation.
pub const PPT_PRIORITY_LEASTUSED: u32 = 0x4000_0003_u32;
/// Randomized Least Used: rli_load.
pub const PPT_RANDOMIZED_LEASTUSED: u32 = 0x4000_0004_u32;
/// Randomized Priority Least Used: rli_load, rli_load_degradation.
pub const PPT_RANDOMIZED_PRIORITY_LEASTUSED: u32 = 0xb000_1001_u32;
/// Randomized Least Used with Degradation: rli_load, rli_load_degradation.
pub const PPT_RANDOMIZED_LEASTUSED_DEGRADATION: u32 = 0xb000_1002_u32;
/// Priority Least Used with Degradation: rli_load, rli_load_degradation.
pub const PPT_PRIORITY_LEASTUSED_DEGRADATION: u32 = 0xb000_1003_u32;
/// Randomized Priority Least Used with Degradation: rli_load, rli_load_degradation.
pub const PPT_RANDOMIZED_PRIORITY_LEASTUSED_DEGRADATION: u32 = 0xb000_1004_u32;
/// Weighted Random with Distance Penalty Factor: rli_weight, rli_weight_dpf.
pub const PPT_WEIGHTED_RANDOM_DPF: u32 = 0xb000_2001_u32;
/// Least Used with Distance Penalty Factor: rli_load, rli_load_dpf.
pub const PPT_LEASTUSED_DPF: u32 = 0xb000_2002_u32;
/// Least Used with Degradation and Distance Penalty Factor: rli_load, rli_load_degradation, rli_load_dpf.
pub const PPT_LEASTUSED_DEGRADATION_DPF: u32 = 0xb000_2003_u32;
/// Priority Least Used with Distance Penalty Factor. A name only: no registrar supports it.
pub const PPT_PRIORITY_LEASTUSED_DPF: u32 = 0xb000_2004_u32;
/// Priority Least Used with Degradation and Distance Penalty Factor. A name only: no registrar supports it.
pub const PPT_PRIORITY_LEASTUSED_DEGRADATION_DPF: u32 = 0xb000_2005_u32;

/// Smallest weight.
pub const PPV_MIN_WEIGHT: u32 = 0_u32;
/// Largest weight.
pub const PPV_MAX_WEIGHT: u32 = 0xffff_ffff_u32;
/// Smallest load: idle.
pub const PPV_MIN_LOAD: u32 = 0_u32;
/// Largest load: 100 %.
pub const PPV_MAX_LOAD: u32 = 0xffff_ffff_u32;
/// Smallest load degradation.
pub const PPV_MIN_LOAD_DEGRADATION: u32 = 0_u32;
/// Largest load degradation.
pub const PPV_MAX_LOAD_DEGRADATION: u32 = 0xffff_ffff_u32;
/// Smallest load distance penalty factor.
pub const PPV_MIN_LOADDPF: u32 = 0_u32;
/// Largest load distance penalty factor.
pub const PPV_MAX_LOADDPF: u32 = 0xffff_ffff_u32;
/// Smallest weight distance penalty factor.
pub const PPV_MIN_WEIGHTDPF: u32 = 0_u32;
/// Largest weight distance penalty factor.
pub const PPV_MAX_WEIGHTDPF: u32 = 0xffff_ffff_u32;
