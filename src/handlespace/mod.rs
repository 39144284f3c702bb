//! Pools, their elements, ownership, timers and the PE checksum (RFC 5353 section 3.6.1).
