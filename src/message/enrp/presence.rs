//! ENRP_PRESENCE (0x01), RFC 5353 section 2.1.

use crate::RegistrarId;
use crate::wire::ServerInformation;

/// ENRP_PRESENCE (0x01), RFC 5353 section 2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// R bit: answer with a PRESENCE.
    pub reply_required: bool,
    /// PE checksum over the sender's own elements, as it stands on the wire (big endian).
    pub checksum: Option<u16>,
    /// How the sender is reached.
    pub server_information: Option<ServerInformation>,
}
