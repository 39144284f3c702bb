//! ASAP_HANDLE_RESOLUTION_RESPONSE (0x06), RFC 5352 section 2.2.6: registrar to PU.

use crate::PoolHandle;
use crate::message::codec::{FLAG_LOW, Message};
#[cfg(feature = "registrar")]
use crate::wire::EncodeError;
use crate::wire::{
    OperationalError, Parameter, Parameters, Policy, PoolElement, Reader, Reports, Undecodable, Writer, required,
};

/// ASAP_HANDLE_RESOLUTION_RESPONSE (0x06), RFC 5352 section 2.2.6: registrar to PU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleResolutionResponse {
    /// A bit: the subscription is accepted; in an update pushed later, also set.
    pub accept_updates: bool,
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// The pool's policy; rsplib needs it always.
    pub policy: Option<Policy>,
    /// The elements, in the order in which to use them.
    pub pool_elements: Vec<PoolElement>,
    /// Why there is no answer.
    pub error: Option<OperationalError>,
}

/// Whether updates of the pool follow an answer (A bit).
#[cfg(feature = "registrar")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Updates {
    Follow,
    /// None was asked for, or there was no room for a subscription.
    None,
}

#[cfg(feature = "registrar")]
impl HandleResolutionResponse {
    /// Appends a positive response whose policy and elements are already encoded, each as a padded parameter.
    pub(crate) fn encode_positive<'a>(
        out: &mut Vec<u8>,
        updates: Updates,
        pool_handle: &PoolHandle,
        policy: &[u8],
        pool_elements: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), EncodeError> {
        let flags = if updates == Updates::Follow { FLAG_LOW } else { 0 };
        Writer::message(out, Self::TYPE, flags, Self::NAME, |w| {
            w.parameter(pool_handle);
            w.encoded(policy);
            for pool_element in pool_elements {
                w.encoded(pool_element);
            }
        })
    }
}

impl Message for HandleResolutionResponse {
    const TYPE: u8 = 0x06;
    const NAME: &'static str = "ASAP_HANDLE_RESOLUTION_RESPONSE";

    fn flags(&self) -> u8 {
        if self.accept_updates { FLAG_LOW } else { 0 }
    }

    fn decode_body(flags: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let (mut pool_handle, mut policy, mut error) = (None, None, None);
        let mut pool_elements = Vec::new();
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            match tlv.parameter_type {
                PoolHandle::TYPE => tlv.once(&mut pool_handle, reports)?,
                Policy::TYPE => tlv.once(&mut policy, reports)?,
                PoolElement::TYPE => pool_elements.push(tlv.decode(reports)?),
                OperationalError::TYPE => tlv.once(&mut error, reports)?,
                _ => {}
            }
        }
        let (accept_updates, pool_handle) = (flags & FLAG_LOW != 0, required(pool_handle)?);
        Ok(HandleResolutionResponse { accept_updates, pool_handle, policy, pool_elements, error })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.pool_handle);
        w.optional(self.policy.as_ref());
        for pool_element in &self.pool_elements {
            w.parameter(pool_element);
        }
        w.optional(self.error.as_ref());
    }
}
