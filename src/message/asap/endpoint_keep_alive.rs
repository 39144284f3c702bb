//! ASAP_ENDPOINT_KEEP_ALIVE (0x07), RFC 5352 section 2.2.7: registrar to PE.

use crate::message::codec::{FLAG_LOW, Message};
use crate::wire::{Parameter, Parameters, Reader, Reports, ServerInformation, Undecodable, Writer, required};
use crate::{PoolElementId, PoolHandle, RegistrarId};

/// ASAP_ENDPOINT_KEEP_ALIVE (0x07), RFC 5352 section 2.2.7: registrar to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointKeepAlive {
    /// H bit: the sender is the PE's home registrar from now on.
    pub home: bool,
    /// Identifier of the registrar that sends it, unique in the operational scope.
    pub registrar_id: RegistrarId,
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// The element: an addition of rsplib that we always send.
    pub pool_element_id: Option<PoolElementId>,
    /// Other registrars, any of which may become the PE's home registrar by such a message with the H bit: an addition of ours.
    pub registrars: Vec<ServerInformation>,
}

impl Message for EndpointKeepAlive {
    const TYPE: u8 = 0x07;
    const NAME: &'static str = "ASAP_ENDPOINT_KEEP_ALIVE";

    fn flags(&self) -> u8 {
        if self.home { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let registrar_id = RegistrarId(body.u32("server identifier")?);
        let (mut pool_handle, mut pool_element_id, mut registrars) = (None, None, Vec::new());
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElementId::TYPE => tlv.once(&mut pool_element_id, reports)?,
                ServerInformation::TYPE => registrars.push(tlv.decode(reports)?),
                _ => {}
            }
        }
        let (home, pool_handle) = (flags & FLAG_LOW != 0, required(pool_handle)?);
        Ok(EndpointKeepAlive { home, registrar_id, pool_handle, pool_element_id, registrars })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.u32(self.registrar_id.0);
        w.parameter(&self.pool_handle);
        w.optional(self.pool_element_id.as_ref());
        for registrar in &self.registrars {
            w.parameter(registrar);
        }
    }
}
