//! ASAP_REGISTRATION (0x01), RFC 5352 section 2.2.1: PE to registrar.

use crate::PoolHandle;
use crate::message::codec::Message;
use crate::wire::{Parameter, Parameters, PoolElement, Reader, Reports, Undecodable, Writer, required};

/// ASAP_REGISTRATION (0x01), RFC 5352 section 2.2.1: PE to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The pool to join.
    pub pool_handle: PoolHandle,
    /// The element with its addresses, policy values and life.
    pub pool_element: PoolElement,
}

impl Message for Registration {
    const TYPE: u8 = 0x01;
    const NAME: &'static str = "ASAP_REGISTRATION";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let (mut pool_handle, mut pool_element) = (None, None);
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElement::TYPE => tlv.once(&mut pool_element, reports)?,
                _ => {}
            }
        }
        Ok(Registration { pool_handle: required(pool_handle)?, pool_element: required(pool_element)? })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.pool_handle);
        w.parameter(&self.pool_element);
    }
}
