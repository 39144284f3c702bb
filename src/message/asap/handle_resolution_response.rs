//! ASAP_HANDLE_RESOLUTION_RESPONSE (0x06), RFC 5352 section 2.2.6: registrar to PU.

use crate::PoolHandle;
use crate::wire::{OperationalError, Policy, PoolElement};

/// ASAP_HANDLE_RESOLUTION_RESPONSE (0x06), RFC 5352 section 2.2.6: registrar to PU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleResolutionResponse {
    /// A bit: the subscription is accepted; in an update pushed later, also set.
    pub accept_updates: bool,
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The pool's policy; rsplib needs it always.
    pub policy: Option<Policy>,
    /// The elements, in the order in which to use them.
    pub pool_elements: Vec<PoolElement>,
    /// Why there is no answer.
    pub error: Option<OperationalError>,
}
