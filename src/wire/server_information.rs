//! Server Information parameter (RFC 5354 section 3.11).

use super::TransportParameter;
use crate::RegistrarId;

/// A registrar: its identifier and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInformation {
    /// Its identifier.
    pub id: RegistrarId,
    /// An SCTP transport.
    pub transport: TransportParameter,
}
