//! ASAP_SERVER_ANNOUNCE (0x0a), RFC 5352 section 2.2.10: registrar, by multicast.

use crate::RegistrarId;
use crate::wire::TransportParameter;

/// ASAP_SERVER_ANNOUNCE (0x0a), RFC 5352 section 2.2.10: registrar, by multicast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAnnounce {
    /// The sender.
    pub registrar_id: RegistrarId,
    /// How it is reached by ASAP; empty: by the address that the datagram came from.
    pub transports: Vec<TransportParameter>,
}
