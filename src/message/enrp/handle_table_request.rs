//! ENRP_HANDLE_TABLE_REQUEST (0x02), RFC 5353 section 2.2.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::{FLAG_LOW, Message};
use crate::wire::{Parameters, Reader, Reports, Undecodable, Writer};

/// ENRP_HANDLE_TABLE_REQUEST (0x02), RFC 5353 section 2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleTableRequest {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// W bit: only the elements that the receiver is home of.
    pub own_children_only: bool,
}

impl Message for HandleTableRequest {
    const TYPE: u8 = 0x02;
    const NAME: &'static str = "ENRP_HANDLE_TABLE_REQUEST";

    fn flags(&self) -> u8 {
        if self.own_children_only { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        Parameters::skip_all(body, reports)?;
        Ok(HandleTableRequest { sender, receiver, own_children_only: flags & FLAG_LOW != 0 })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
    }
}
