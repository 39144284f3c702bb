//! ASAP_ENDPOINT_UNREACHABLE (0x09), RFC 5352 section 2.2.9: PU to registrar.

use crate::message::codec::Message;
use crate::wire::{Parameter, Parameters, Reader, Reports, Undecodable, Writer, required};
use crate::{PoolElementId, PoolHandle};

/// ASAP_ENDPOINT_UNREACHABLE (0x09), RFC 5352 section 2.2.9: PU to registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUnreachable {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// The element that does not answer.
    pub pool_element_id: PoolElementId,
}

impl Message for EndpointUnreachable {
    const TYPE: u8 = 0x09;
    const NAME: &'static str = "ASAP_ENDPOINT_UNREACHABLE";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let (mut pool_handle, mut pool_element_id) = (None, None);
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElementId::TYPE => tlv.once(&mut pool_element_id, reports)?,
                _ => {}
            }
        }
        Ok(EndpointUnreachable { pool_handle: required(pool_handle)?, pool_element_id: required(pool_element_id)? })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.pool_handle);
        w.parameter(&self.pool_element_id);
    }
}
