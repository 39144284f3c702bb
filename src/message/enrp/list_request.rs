//! ENRP_LIST_REQUEST (0x05), RFC 5353 section 2.5.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::Message;
use crate::wire::{Parameters, Reader, Reports, Undecodable, Writer};

/// ENRP_LIST_REQUEST (0x05), RFC 5353 section 2.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
}

impl Message for ListRequest {
    const TYPE: u8 = 0x05;
    const NAME: &'static str = "ENRP_LIST_REQUEST";

    fn decode_body(_: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        Parameters::skip_all(body, reports)?;
        Ok(ListRequest { sender, receiver })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
    }
}
