//! ASAP_REGISTRATION_RESPONSE (0x03), RFC 5352 section 2.2.3: registrar to PE.

use crate::wire::OperationalError;
use crate::{PoolElementId, PoolHandle};

/// ASAP_REGISTRATION_RESPONSE (0x03), RFC 5352 section 2.2.3: registrar to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationResponse {
    /// R bit: the registration is refused.
    pub reject: bool,
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element.
    pub pool_element_id: PoolElementId,
    /// Why it is refused.
    pub error: Option<OperationalError>,
}
