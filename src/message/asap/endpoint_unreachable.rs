//! ASAP_ENDPOINT_UNREACHABLE (0x09), RFC 5352 section 2.2.9: PU to registrar.

use crate::{PoolElementId, PoolHandle};

/// ASAP_ENDPOINT_UNREACHABLE (0x09), RFC 5352 section 2.2.9: PU to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUnreachable {
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element that does not answer.
    pub pool_element_id: PoolElementId,
}
