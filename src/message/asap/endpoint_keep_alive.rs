//! ASAP_ENDPOINT_KEEP_ALIVE (0x07), RFC 5352 section 2.2.7: registrar to PE.

use crate::{PoolElementId, PoolHandle, RegistrarId};

/// ASAP_ENDPOINT_KEEP_ALIVE (0x07), RFC 5352 section 2.2.7: registrar to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointKeepAlive {
    /// H bit: the sender is the PE's home registrar from now on.
    pub home: bool,
    /// The sender.
    pub registrar_id: RegistrarId,
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element: an addition of rsplib that we always send.
    pub pool_element_id: Option<PoolElementId>,
}
