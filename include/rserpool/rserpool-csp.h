/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi/ by scripts/headers
 */

#ifndef RSERPOOL_CSP_H
#define RSERPOOL_CSP_H


#include <stdint.h>

/* Identifiers of the component status protocol: a group in the upper 8 bits, an object in the lower 56. */
#define CID_GROUP_REGISTRAR   0x0001
#define CID_GROUP_POOLELEMENT 0x0002
#define CID_GROUP_POOLUSER    0x0003

#define CID_OBJECT(id)              ((uint64_t)(id) & UINT64_C(0x00ffffffffffffff))
#define CID_GROUP(id)               ((uint64_t)(id) >> 56)
#define CID_COMPOUND(group, object) (((uint64_t)(group) & 0xffff) << 56 | CID_OBJECT(object))

#endif  /* RSERPOOL_CSP_H */
