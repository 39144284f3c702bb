//! ASAP_BUSINESS_CARD (0x0d), RFC 5352 section 2.2.13: PE to PU or PU (itself a PE) to PE.

use crate::PoolHandle;
use crate::wire::PoolElement;

/// ASAP_BUSINESS_CARD (0x0d), RFC 5352 section 2.2.13: PE to PU or PU (itself a PE) to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessCard {
    /// The sender's pool, or the pool to fail over to.
    pub pool_handle: PoolHandle,
    /// The elements to prefer at a failover, in this order.
    pub pool_elements: Vec<PoolElement>,
}
