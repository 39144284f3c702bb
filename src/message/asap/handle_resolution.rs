//! ASAP_HANDLE_RESOLUTION (0x05), RFC 5352 section 2.2.5: PU to registrar.

use crate::PoolHandle;
#[cfg(feature = "registrar")]
use crate::message::codec;
use crate::message::codec::{FLAG_LOW, Message};
#[cfg(feature = "registrar")]
use crate::wire::Decoded;
use crate::wire::{HandleResolutionOption, Parameter, Parameters, Reader, Reports, Undecodable, Writer, required};

/// ASAP_HANDLE_RESOLUTION (0x05), RFC 5352 section 2.2.5: PU to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleResolution {
    /// S bit: send updates of this pool from now on.
    pub subscribe: bool,
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// Handle Resolution Option (0x803f): elements wanted; `u32::MAX`: as many as there may be.
    pub items: Option<u32>,
}

#[cfg(feature = "registrar")]
impl HandleResolution {
    /// Whether `bytes` say that they are such a message.
    pub(crate) fn is_in(bytes: &[u8]) -> bool {
        bytes.first() == Some(&Self::TYPE)
    }

    /// Decodes `bytes`, which say so, as [`super::AsapMessage::decode`] does.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded<HandleResolution>, Undecodable> {
        codec::decode(bytes, super::Error::TYPE, |frame, reports| Self::decode_body(frame.flags, frame.body, reports))
    }
}

impl Message for HandleResolution {
    const TYPE: u8 = 0x05;
    const NAME: &'static str = "ASAP_HANDLE_RESOLUTION";

    fn flags(&self) -> u8 {
        if self.subscribe { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let (mut pool_handle, mut option) = (None, None);
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                HandleResolutionOption::TYPE => tlv.once(&mut option, reports)?,
                _ => {}
            }
        }
        let items = option.map(|HandleResolutionOption(items)| items);
        Ok(HandleResolution { subscribe: flags & FLAG_LOW != 0, pool_handle: required(pool_handle)?, items })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.pool_handle);
        w.optional(self.items.map(HandleResolutionOption).as_ref());
    }
}
