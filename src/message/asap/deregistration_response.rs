//! ASAP_DEREGISTRATION_RESPONSE (0x04), RFC 5352 section 2.2.4: registrar to PE.

use crate::wire::OperationalError;
use crate::{PoolElementId, PoolHandle};

/// ASAP_DEREGISTRATION_RESPONSE (0x04), RFC 5352 section 2.2.4: registrar to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeregistrationResponse {
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element.
    pub pool_element_id: PoolElementId,
    /// Why it is refused.
    pub error: Option<OperationalError>,
}
