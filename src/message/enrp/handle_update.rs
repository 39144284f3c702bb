//! ENRP_HANDLE_UPDATE (0x04), RFC 5353 section 2.4.

use crate::wire::PoolElement;
use crate::{PoolHandle, RegistrarId};

/// ENRP_HANDLE_UPDATE (0x04), RFC 5353 section 2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleUpdate {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// T bit (draft-dreibholz-rserpool-enrp-takeover): the receiver may become the element's home.
    pub takeover_suggested: bool,
    /// What happened.
    pub action: UpdateAction,
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element, with its ASAP transport.
    pub pool_element: PoolElement,
}

/// What a HANDLE_UPDATE reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateAction {
    /// The element was added, or its registration changed.
    AddPoolElement,
    /// The element is gone.
    DeletePoolElement,
}
