//! ASAP_SERVER_ANNOUNCE (0x0a), RFC 5352 section 2.2.10: registrar, by multicast.

use crate::RegistrarId;
use crate::message::codec::Message;
use crate::wire::{Parameters, Reader, Reports, TransportParameter, Undecodable, Writer};

/// ASAP_SERVER_ANNOUNCE (0x0a), RFC 5352 section 2.2.10: registrar, by multicast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAnnounce {
    /// Identifier of the registrar that sends it, unique in the operational scope.
    pub registrar_id: RegistrarId,
    /// How it is reached by ASAP; empty: by the address that the datagram came from.
    pub transports: Vec<TransportParameter>,
}

impl Message for ServerAnnounce {
    const TYPE: u8 = 0x0a;
    const NAME: &'static str = "ASAP_SERVER_ANNOUNCE";

    fn decode_body(_: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let registrar_id = RegistrarId(body.u32("server identifier")?);
        let mut transports = Vec::new();
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            transports.extend(TransportParameter::decode(&tlv, reports)?);
        }
        Ok(ServerAnnounce { registrar_id, transports })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.u32(self.registrar_id.0);
        for transport in &self.transports {
            transport.encode(w);
        }
    }
}
