//! ASAP_ERROR (0x0e), RFC 5352 section 2.2.14.

use crate::wire::OperationalError;

/// ASAP_ERROR (0x0e), RFC 5352 section 2.2.14.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was wrong with a received message.
    pub error: OperationalError,
}
