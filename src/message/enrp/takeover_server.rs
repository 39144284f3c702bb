//! ENRP_TAKEOVER_SERVER (0x09), RFC 5353 section 2.9.

use crate::RegistrarId;

/// ENRP_TAKEOVER_SERVER (0x09), RFC 5353 section 2.9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeoverServer {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// The registrar whose elements the sender owns from now on.
    pub target: RegistrarId,
}
