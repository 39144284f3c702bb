//! ASAP_REGISTRATION (0x01), RFC 5352 section 2.2.1: PE to registrar.

use crate::PoolHandle;
use crate::message::codec::Message;
use crate::wire::{
    LifeInSeconds, Parameter, Parameters, PoolElement, Reader, RegistrationLife, Reports, Undecodable, Writer, required,
};

/// ASAP_REGISTRATION (0x01), RFC 5352 section 2.2.1: PE to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The pool to join.
    pub pool_handle: PoolHandle,
    /// The element with its addresses, policy values and life.
    pub pool_element: PoolElement,
    /// The life in seconds, while the registrar may read the one of the element as milliseconds (a parameter of our own).
    pub life_in_seconds: Option<RegistrationLife>,
}

impl Message for Registration {
    const TYPE: u8 = 0x01;
    const NAME: &'static str = "ASAP_REGISTRATION";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let (mut pool_handle, mut pool_element, mut life) = (None, None, None);
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElement::TYPE => tlv.once(&mut pool_element, reports)?,
                LifeInSeconds::TYPE => tlv.once(&mut life, reports)?,
                _ => {}
            }
        }
        let life_in_seconds = life.map(|LifeInSeconds(life)| life);
        Ok(Registration { pool_handle: required(pool_handle)?, pool_element: required(pool_element)?, life_in_seconds })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        // First: rsplib skips what it does not know before the parameters that it wants, and refuses the message for anything behind.
        w.optional(self.life_in_seconds.map(LifeInSeconds).as_ref());
        w.parameter(&self.pool_handle);
        w.parameter(&self.pool_element);
    }
}
