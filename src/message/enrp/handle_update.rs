//! ENRP_HANDLE_UPDATE (0x04), RFC 5353 section 2.4.

use super::Servers;
use crate::message::codec::{FLAG_LOW, Message};
use crate::wire::{Parameter, Parameters, PoolElement, Reader, Reports, Undecodable, WireError, Writer, required};
use crate::{PoolHandle, RegistrarId};

/// ENRP_HANDLE_UPDATE (0x04), RFC 5353 section 2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleUpdate {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// T bit (draft-dreibholz-rserpool-enrp-takeover): the receiver may become the element's home.
    pub takeover_suggested: bool,
    /// Whether the element was added or removed.
    pub action: UpdateAction,
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// The element, with its ASAP transport.
    pub pool_element: PoolElement,
}

/// What a HANDLE_UPDATE reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateAction {
    /// The element was added, or its registration changed.
    AddPoolElement,
    /// The element is gone.
    DeletePoolElement,
}

impl Message for HandleUpdate {
    const TYPE: u8 = 0x04;
    const NAME: &'static str = "ENRP_HANDLE_UPDATE";

    fn flags(&self) -> u8 {
        if self.takeover_suggested { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let action = match body.u16("update action")? {
            0 => UpdateAction::AddPoolElement,
            1 => UpdateAction::DeletePoolElement,
            other => return Err(WireError::Invalid { field: "update action", value: other.into() }.into()),
        };
        body.u16("reserved field of handle update")?;
        let (mut pool_handle, mut pool_element) = (None, None);
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElement::TYPE => tlv.once(&mut pool_element, reports)?,
                _ => {}
            }
        }
        let (takeover_suggested, pool_handle) = (flags & FLAG_LOW != 0, required(pool_handle)?);
        let pool_element = required(pool_element)?;
        Ok(HandleUpdate { sender, receiver, takeover_suggested, action, pool_handle, pool_element })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        w.u16(match self.action {
            UpdateAction::AddPoolElement => 0,
            UpdateAction::DeletePoolElement => 1,
        });
        w.u16(0);
        w.parameter(&self.pool_handle);
        w.parameter(&self.pool_element);
    }
}
