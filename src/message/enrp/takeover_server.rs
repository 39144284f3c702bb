//! ENRP_TAKEOVER_SERVER (0x09), RFC 5353 section 2.9.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::Message;
use crate::wire::{Parameters, Reader, Reports, Undecodable, Writer};

/// ENRP_TAKEOVER_SERVER (0x09), RFC 5353 section 2.9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeoverServer {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// The registrar whose elements the sender owns from now on.
    pub target: RegistrarId,
}

impl Message for TakeoverServer {
    const TYPE: u8 = 0x09;
    const NAME: &'static str = "ENRP_TAKEOVER_SERVER";

    fn decode_body(_: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let target = RegistrarId(body.u32("targeting server's ID")?);
        Parameters::skip_all(body, reports)?;
        Ok(TakeoverServer { sender, receiver, target })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        w.u32(self.target.0);
    }
}
