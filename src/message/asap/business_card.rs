//! ASAP_BUSINESS_CARD (0x0d), RFC 5352 section 2.2.13: PE to PU or PU (itself a PE) to PE.

use crate::PoolHandle;
use crate::message::codec::Message;
use crate::wire::{Parameter, Parameters, PoolElement, Reader, Reports, Undecodable, Writer, required};

/// ASAP_BUSINESS_CARD (0x0d), RFC 5352 section 2.2.13: PE to PU or PU (itself a PE) to PE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessCard {
    /// The sender's pool, or the pool to fail over to.
    pub pool_handle: PoolHandle,
    /// The elements to prefer at a failover, in this order.
    pub pool_elements: Vec<PoolElement>,
}

impl Message for BusinessCard {
    const TYPE: u8 = 0x0d;
    const NAME: &'static str = "ASAP_BUSINESS_CARD";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let mut pool_handle = None;
        let mut pool_elements = Vec::new();
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                PoolElement::TYPE => pool_elements.push(tlv.decode(reports)?),
                _ => {}
            }
        }
        Ok(BusinessCard { pool_handle: required(pool_handle)?, pool_elements })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.pool_handle);
        for pool_element in &self.pool_elements {
            w.parameter(pool_element);
        }
    }
}
