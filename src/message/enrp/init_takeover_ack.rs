//! ENRP_INIT_TAKEOVER_ACK (0x08), RFC 5353 section 2.8.

use crate::RegistrarId;

/// ENRP_INIT_TAKEOVER_ACK (0x08), RFC 5353 section 2.8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitTakeoverAck {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// The registrar that seems dead.
    pub target: RegistrarId,
}
