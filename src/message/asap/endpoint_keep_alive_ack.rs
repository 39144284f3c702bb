//! ASAP_ENDPOINT_KEEP_ALIVE_ACK (0x08), RFC 5352 section 2.2.8: PE to registrar.

use crate::{PoolElementId, PoolHandle};

/// ASAP_ENDPOINT_KEEP_ALIVE_ACK (0x08), RFC 5352 section 2.2.8: PE to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointKeepAliveAck {
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element.
    pub pool_element_id: PoolElementId,
}
