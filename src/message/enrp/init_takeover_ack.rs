//! ENRP_INIT_TAKEOVER_ACK (0x08), RFC 5353 section 2.8.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::Message;
use crate::wire::{Parameters, Reader, Reports, Undecodable, Writer};

/// ENRP_INIT_TAKEOVER_ACK (0x08), RFC 5353 section 2.8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitTakeoverAck {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// The registrar that seems dead.
    pub target: RegistrarId,
}

impl Message for InitTakeoverAck {
    const TYPE: u8 = 0x08;
    const NAME: &'static str = "ENRP_INIT_TAKEOVER_ACK";

    fn decode_body(_: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let target = RegistrarId(body.u32("targeting server's ID")?);
        Parameters::skip_all(body, reports)?;
        Ok(InitTakeoverAck { sender, receiver, target })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        w.u32(self.target.0);
    }
}
