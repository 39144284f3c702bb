//! ENRP_ERROR (0x0a), RFC 5353 section 2.10.

use crate::RegistrarId;
use crate::wire::OperationalError;

/// ENRP_ERROR (0x0a), RFC 5353 section 2.10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// What was wrong with a received message.
    pub error: OperationalError,
}
