//! ENRP_HANDLE_TABLE_RESPONSE (0x03), RFC 5353 section 2.3.

use crate::wire::PoolElement;
use crate::{PoolHandle, RegistrarId};

/// ENRP_HANDLE_TABLE_RESPONSE (0x03), RFC 5353 section 2.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleTableResponse {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// R bit: no table now.
    pub reject: bool,
    /// M bit: ask again for the rest.
    pub more: bool,
    /// Pools with their elements.
    pub entries: Vec<PoolEntry>,
}

/// A pool and some or all of its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolEntry {
    /// The pool.
    pub pool_handle: PoolHandle,
    /// At least one element.
    pub pool_elements: Vec<PoolElement>,
}
