//! ASAP_REGISTRATION (0x01), RFC 5352 section 2.2.1: PE to registrar.

use crate::PoolHandle;
use crate::wire::PoolElement;

/// ASAP_REGISTRATION (0x01), RFC 5352 section 2.2.1: PE to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The pool to join.
    pub pool_handle: PoolHandle,
    /// The element.
    pub pool_element: PoolElement,
}
