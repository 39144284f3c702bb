/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi/ by scripts/headers
 */

#ifndef RSERPOOL_POLICYTYPES_H
#define RSERPOOL_POLICYTYPES_H


#include <stdint.h>

/* Policies whose values change while an element is registered. */
#define PPT_IS_ADAPTIVE(p)                                                                              \
   ((p) == PPT_LEASTUSED || (p) == PPT_LEASTUSED_DEGRADATION || (p) == PPT_PRIORITY_LEASTUSED ||        \
    (p) == PPT_RANDOMIZED_LEASTUSED || (p) == PPT_RANDOMIZED_PRIORITY_LEASTUSED ||                      \
    (p) == PPT_RANDOMIZED_LEASTUSED_DEGRADATION || (p) == PPT_PRIORITY_LEASTUSED_DEGRADATION ||         \
    (p) == PPT_RANDOMIZED_PRIORITY_LEASTUSED_DEGRADATION || (p) == PPT_LEASTUSED_DPF ||                 \
    (p) == PPT_LEASTUSED_DEGRADATION_DPF || (p) == PPT_PRIORITY_LEASTUSED_DPF ||                        \
    (p) == PPT_PRIORITY_LEASTUSED_DEGRADATION_DPF)

/**
 * No policy.
 */
#define PPT_UNDEFINED 0x00000000

/**
 * Round Robin.
 */
#define PPT_ROUNDROBIN 0x00000001

/**
 * Weighted Round Robin: rli_weight.
 */
#define PPT_WEIGHTED_ROUNDROBIN 0x00000002

/**
 * Random.
 */
#define PPT_RANDOM 0x00000003

/**
 * Weighted Random: rli_weight.
 */
#define PPT_WEIGHTED_RANDOM 0x00000004

/**
 * Priority: rli_weight is the priority, the highest is used first.
 */
#define PPT_PRIORITY 0x00000005

/**
 * Least Used: rli_load.
 */
#define PPT_LEASTUSED 0x40000001

/**
 * Least Used with Degradation: rli_load, rli_load_degradation.
 */
#define PPT_LEASTUSED_DEGRADATION 0x40000002

/**
 * Priority Least Used: rli_load, rli_load_degradation.
 */
#define PPT_PRIORITY_LEASTUSED 0x40000003

/**
 * Randomized Least Used: rli_load.
 */
#define PPT_RANDOMIZED_LEASTUSED 0x40000004

/**
 * Randomized Priority Least Used: rli_load, rli_load_degradation.
 */
#define PPT_RANDOMIZED_PRIORITY_LEASTUSED 0xb0001001

/**
 * Randomized Least Used with Degradation: rli_load, rli_load_degradation.
 */
#define PPT_RANDOMIZED_LEASTUSED_DEGRADATION 0xb0001002

/**
 * Priority Least Used with Degradation: rli_load, rli_load_degradation.
 */
#define PPT_PRIORITY_LEASTUSED_DEGRADATION 0xb0001003

/**
 * Randomized Priority Least Used with Degradation: rli_load, rli_load_degradation.
 */
#define PPT_RANDOMIZED_PRIORITY_LEASTUSED_DEGRADATION 0xb0001004

/**
 * Weighted Random with Distance Penalty Factor: rli_weight, rli_weight_dpf.
 */
#define PPT_WEIGHTED_RANDOM_DPF 0xb0002001

/**
 * Least Used with Distance Penalty Factor: rli_load, rli_load_dpf.
 */
#define PPT_LEASTUSED_DPF 0xb0002002

/**
 * Least Used with Degradation and Distance Penalty Factor: rli_load, rli_load_degradation, rli_load_dpf.
 */
#define PPT_LEASTUSED_DEGRADATION_DPF 0xb0002003

/**
 * Priority Least Used with Distance Penalty Factor. A name only: no registrar supports it.
 */
#define PPT_PRIORITY_LEASTUSED_DPF 0xb0002004

/**
 * Priority Least Used with Degradation and Distance Penalty Factor. A name only: no registrar supports it.
 */
#define PPT_PRIORITY_LEASTUSED_DEGRADATION_DPF 0xb0002005

/**
 * Smallest weight.
 */
#define PPV_MIN_WEIGHT 0x00000000

/**
 * Largest weight.
 */
#define PPV_MAX_WEIGHT 0xffffffff

/**
 * Smallest load: idle.
 */
#define PPV_MIN_LOAD 0x00000000

/**
 * Largest load: 100 %.
 */
#define PPV_MAX_LOAD 0xffffffff

/**
 * Smallest load degradation.
 */
#define PPV_MIN_LOAD_DEGRADATION 0x00000000

/**
 * Largest load degradation.
 */
#define PPV_MAX_LOAD_DEGRADATION 0xffffffff

/**
 * Smallest load distance penalty factor.
 */
#define PPV_MIN_LOADDPF 0x00000000

/**
 * Largest load distance penalty factor.
 */
#define PPV_MAX_LOADDPF 0xffffffff

/**
 * Smallest weight distance penalty factor.
 */
#define PPV_MIN_WEIGHTDPF 0x00000000

/**
 * Largest weight distance penalty factor.
 */
#define PPV_MAX_WEIGHTDPF 0xffffffff

#endif  /* RSERPOOL_POLICYTYPES_H */
