//! ENRP_INIT_TAKEOVER (0x07), RFC 5353 section 2.7.

use crate::RegistrarId;

/// ENRP_INIT_TAKEOVER (0x07), RFC 5353 section 2.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitTakeover {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// The registrar that seems dead.
    pub target: RegistrarId,
}
