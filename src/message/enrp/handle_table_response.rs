//! ENRP_HANDLE_TABLE_RESPONSE (0x03), RFC 5353 section 2.3.

use super::Servers;
use crate::message::codec::{FLAG_LOW, FLAG_MORE, Message};
use crate::wire::{EncodeError, Parameter, Parameters, PoolElement, Reader, Reports, Undecodable, WireError, Writer};
use crate::{PoolHandle, RegistrarId};

/// ENRP_HANDLE_TABLE_RESPONSE (0x03), RFC 5353 section 2.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleTableResponse {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// R bit: no table now.
    pub reject: bool,
    /// M bit: ask again for the rest.
    pub more: bool,
    /// Pools with their elements.
    pub entries: Vec<PoolEntry>,
}

/// A pool and some or all of its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolEntry {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// At least one element.
    pub pool_elements: Vec<PoolElement>,
}

impl Message for HandleTableResponse {
    const TYPE: u8 = 0x03;
    const NAME: &'static str = "ENRP_HANDLE_TABLE_RESPONSE";

    fn flags(&self) -> u8 {
        (if self.reject { FLAG_LOW } else { 0 }) | (if self.more { FLAG_MORE } else { 0 })
    }

    fn decode_body(flags: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let mut entries: Vec<PoolEntry> = Vec::new();
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => {
                    require_element(entries.last())?;
                    entries.push(PoolEntry { pool_handle: tlv.decode(reports)?, pool_elements: Vec::new() });
                }
                PoolElement::TYPE => {
                    let entry = entries.last_mut().ok_or(WireError::Missing { field: PoolHandle::NAME })?;
                    entry.pool_elements.push(tlv.decode(reports)?);
                }
                _ => {}
            }
        }
        require_element(entries.last())?;
        let (reject, more) = (flags & FLAG_LOW != 0, flags & FLAG_MORE != 0);
        Ok(HandleTableResponse { sender, receiver, reject, more, entries })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        for entry in &self.entries {
            w.parameter(&entry.pool_handle);
            if entry.pool_elements.is_empty() {
                w.fail(EncodeError::Invalid { field: "pool entry", reason: "has no pool element" });
            }
            for pool_element in &entry.pool_elements {
                w.parameter(pool_element);
            }
        }
    }
}

/// Each handle is followed by at least one element; so the order of these two parameters counts.
fn require_element(entry: Option<&PoolEntry>) -> Result<(), WireError> {
    match entry {
        Some(entry) if entry.pool_elements.is_empty() => Err(WireError::Missing { field: PoolElement::NAME }),
        _ => Ok(()),
    }
}
