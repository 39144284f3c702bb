//! ENRP_HANDLE_TABLE_REQUEST (0x02), RFC 5353 section 2.2.

use crate::RegistrarId;

/// ENRP_HANDLE_TABLE_REQUEST (0x02), RFC 5353 section 2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleTableRequest {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// W bit: only the elements that the receiver is home of.
    pub own_children_only: bool,
}
