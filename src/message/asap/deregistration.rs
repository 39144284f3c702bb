//! ASAP_DEREGISTRATION (0x02), RFC 5352 section 2.2.2: PE to registrar.

use crate::{PoolElementId, PoolHandle};

/// ASAP_DEREGISTRATION (0x02), RFC 5352 section 2.2.2: PE to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deregistration {
    /// The pool to leave.
    pub pool_handle: PoolHandle,
    /// The element.
    pub pool_element_id: PoolElementId,
}
