//! ENRP_PRESENCE (0x01), RFC 5353 section 2.1.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::{FLAG_LOW, Message};
use crate::wire::{Parameter, Parameters, PeChecksum, Reader, Reports, ServerInformation, Undecodable, Writer};

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

impl Message for Presence {
    const TYPE: u8 = 0x01;
    const NAME: &'static str = "ENRP_PRESENCE";

    fn flags(&self) -> u8 {
        if self.reply_required { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let (mut checksum, mut server_information) = (None, None);
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PeChecksum::TYPE => tlv.once(&mut checksum, reports)?,
                ServerInformation::TYPE => tlv.once(&mut server_information, reports)?,
                _ => {}
            }
        }
        let checksum = checksum.map(|PeChecksum(checksum)| checksum);
        Ok(Presence { sender, receiver, reply_required: flags & FLAG_LOW != 0, checksum, server_information })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        w.optional(self.checksum.map(PeChecksum).as_ref());
        w.optional(self.server_information.as_ref());
    }
}
