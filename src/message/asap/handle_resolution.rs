//! ASAP_HANDLE_RESOLUTION (0x05), RFC 5352 section 2.2.5: PU to registrar.

use crate::PoolHandle;

/// ASAP_HANDLE_RESOLUTION (0x05), RFC 5352 section 2.2.5: PU to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleResolution {
    /// S bit: send updates of this pool from now on.
    pub subscribe: bool,
    /// The pool.
    pub pool_handle: PoolHandle,
    /// Handle Resolution Option (0x803f): elements wanted; `u32::MAX`: as many as there may be.
    pub items: Option<u32>,
}
