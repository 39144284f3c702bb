//! ENRP_INIT_TAKEOVER (0x07), RFC 5353 section 2.7.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::Message;
use crate::wire::{Parameters, Reader, Reports, Undecodable, Writer};

/// ENRP_INIT_TAKEOVER (0x07), RFC 5353 section 2.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitTakeover {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// The registrar that seems dead.
    pub target: RegistrarId,
}

impl Message for InitTakeover {
    const TYPE: u8 = 0x07;
    const NAME: &'static str = "ENRP_INIT_TAKEOVER";

    fn decode_body(_: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let target = RegistrarId(body.u32("targeting server's ID")?);
        Parameters::skip_all(body, reports)?;
        Ok(InitTakeover { sender, receiver, target })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        w.u32(self.target.0);
    }
}
