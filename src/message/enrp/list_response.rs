//! ENRP_LIST_RESPONSE (0x06), RFC 5353 section 2.6.

use crate::RegistrarId;
use crate::wire::ServerInformation;

/// ENRP_LIST_RESPONSE (0x06), RFC 5353 section 2.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListResponse {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// R bit: no list now.
    pub reject: bool,
    /// The registrars that the sender knows.
    pub servers: Vec<ServerInformation>,
}
