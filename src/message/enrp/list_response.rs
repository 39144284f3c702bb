//! ENRP_LIST_RESPONSE (0x06), RFC 5353 section 2.6.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::{FLAG_LOW, Message};
use crate::wire::{Parameter, Parameters, Reader, Reports, ServerInformation, Undecodable, Writer};

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

impl Message for ListResponse {
    const TYPE: u8 = 0x06;
    const NAME: &'static str = "ENRP_LIST_RESPONSE";

    fn flags(&self) -> u8 {
        if self.reject { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let mut servers = Vec::new();
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            if tlv.parameter_type == ServerInformation::TYPE {
                servers.push(tlv.decode(reports)?);
            }
        }
        Ok(ListResponse { sender, receiver, reject: flags & FLAG_LOW != 0, servers })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        for server in &self.servers {
            w.parameter(server);
        }
    }
}
