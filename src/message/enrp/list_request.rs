//! ENRP_LIST_REQUEST (0x05), RFC 5353 section 2.5.

use crate::RegistrarId;

/// ENRP_LIST_REQUEST (0x05), RFC 5353 section 2.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
}
