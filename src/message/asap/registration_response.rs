//! ASAP_REGISTRATION_RESPONSE (0x03), RFC 5352 section 2.2.3: registrar to PE.

use crate::message::codec::{FLAG_LOW, Message};
use crate::wire::{
    LifeInSeconds, OperationalError, Parameter, Parameters, Reader, RegistrationLife, Reports, ServerInformation,
    Undecodable, Writer, required,
};
use crate::{PoolElementId, PoolHandle};

/// ASAP_REGISTRATION_RESPONSE (0x03), RFC 5352 section 2.2.3: registrar to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationResponse {
    /// R bit: the registration is refused.
    pub reject: bool,
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// Identifier of the element, unique in its pool.
    pub pool_element_id: PoolElementId,
    /// Why it is refused.
    pub error: Option<OperationalError>,
    /// Other registrars, any of which may become the PE's home registrar by a keep-alive with the H bit: an addition of ours.
    pub registrars: Vec<ServerInformation>,
    /// The life in seconds of the registration, when it had one: so this registrar reads seconds (a parameter of our own).
    pub life_in_seconds: Option<RegistrationLife>,
}

impl Message for RegistrationResponse {
    const TYPE: u8 = 0x03;
    const NAME: &'static str = "ASAP_REGISTRATION_RESPONSE";

    fn flags(&self) -> u8 {
        if self.reject { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let (mut pool_handle, mut pool_element_id, mut error, mut life) = (None, None, None, None);
        let mut registrars = Vec::new();
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElementId::TYPE => tlv.once(&mut pool_element_id, reports)?,
                OperationalError::TYPE => tlv.once(&mut error, reports)?,
                ServerInformation::TYPE => registrars.push(tlv.decode(reports)?),
                LifeInSeconds::TYPE => tlv.once(&mut life, reports)?,
                _ => {}
            }
        }
        let (pool_handle, pool_element_id) = (required(pool_handle)?, required(pool_element_id)?);
        let (reject, life_in_seconds) = (flags & FLAG_LOW != 0, life.map(|LifeInSeconds(life)| life));
        Ok(RegistrationResponse { reject, pool_handle, pool_element_id, error, registrars, life_in_seconds })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.pool_handle);
        w.parameter(&self.pool_element_id);
        w.optional(self.error.as_ref());
        for registrar in &self.registrars {
            w.parameter(registrar);
        }
        w.optional(self.life_in_seconds.map(LifeInSeconds).as_ref());
    }
}
