//! A pool element as bytes: encoded once when it registers, copied into every answer, compared when it registers again.

use super::MAX_ELEMENT_BYTES;
use crate::wire::{
    Parameter, Parameters, Policy, PoolElement, Reader, RegistrationLife, Reports, Tlv, TransportParameter, Writer,
};
use crate::{PoolElementId, RegistrarId};
use smallvec::SmallVec;

/// Room for an element with one IPv4 address, two policy values and an ASAP transport with one IPv4 address.
const INLINE_BYTES: usize = 72;
/// Where fields lie in a Pool Element parameter.
const HOME_REGISTRAR: std::ops::Range<usize> = 8..12;
const REGISTRATION_LIFE: usize = 12;
const USER_TRANSPORT: usize = 16;

/// The Pool Element parameter as pool users get it, they have no use for the ASAP transport, and behind it that transport.
#[derive(Debug, Default)]
pub(super) struct Record {
    bytes: SmallVec<[u8; INLINE_BYTES]>,
    /// Where the Policy parameter lies.
    policy_at: u16,
    /// Where the ASAP transport lies, if there is one.
    asap_transport_at: u16,
}

impl Record {
    /// Encodes into `buffer`, which is only lent for its memory. None: the element is too long, or cannot be encoded.
    pub fn encode(pool_element: &PoolElement, buffer: &mut Vec<u8>) -> Option<Layout> {
        buffer.clear();
        let mut layout = Layout { policy_at: 0, asap_transport_at: 0 };
        Writer::message(buffer, 0, 0, "pool element", |w| {
            w.tlv(PoolElement::TYPE, PoolElement::NAME, |w| {
                w.bytes(&pool_element.fixed_fields());
                pool_element.user_transport.encode(w);
                layout.policy_at = w.next_parameter_at();
                w.parameter(&pool_element.policy);
            });
            layout.asap_transport_at = w.next_parameter_at();
            if let Some(asap_transport) = &pool_element.asap_transport {
                asap_transport.encode(w);
            }
        })
        .ok()?;
        (buffer.len() <= MAX_ELEMENT_BYTES).then_some(layout)
    }

    /// What was encoded.
    pub fn new(buffer: &[u8], layout: Layout) -> Record {
        let mut record = Record::default();
        record.replace(buffer, layout);
        record
    }

    /// Takes over what was encoded; whether it is something else.
    pub fn replace(&mut self, buffer: &[u8], layout: Layout) -> bool {
        // Behind the header of the pretended message, which made the padding right.
        let encoded = buffer.get(4..).unwrap_or_default();
        if self.bytes.as_slice() == encoded {
            return false;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(encoded);
        // MAX_ELEMENT_BYTES is far below 2^16.
        self.policy_at = (layout.policy_at - 4) as u16;
        self.asap_transport_at = (layout.asap_transport_at - 4) as u16;
        true
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn for_pool_users(&self) -> &[u8] {
        self.bytes.get(..self.asap_transport_at.into()).unwrap_or_default()
    }

    pub fn encoded_policy(&self) -> &[u8] {
        self.bytes.get(self.policy_at.into()..self.asap_transport_at.into()).unwrap_or_default()
    }

    pub fn set_home_registrar(&mut self, home_registrar: RegistrarId) {
        if let Some(field) = self.bytes.get_mut(HOME_REGISTRAR) {
            field.copy_from_slice(&home_registrar.0.to_be_bytes());
        }
    }

    /// The element. What `encode` has written is read again without loss; a test tries that on all kinds of elements.
    pub fn pool_element(&self, id: PoolElementId, home_registrar: RegistrarId) -> PoolElement {
        let life = self.bytes.get(REGISTRATION_LIFE..USER_TRANSPORT).and_then(|field| field.try_into().ok());
        PoolElement {
            id,
            home_registrar,
            registration_life: RegistrationLife(life.map_or(0, i32::from_be_bytes)),
            user_transport: self.user_transport(),
            policy: self.policy(),
            asap_transport: self.asap_transport(),
        }
    }

    pub fn user_transport(&self) -> TransportParameter {
        // Opaque and empty: nobody could use it. It cannot happen.
        self.transport(USER_TRANSPORT).unwrap_or(TransportParameter::Opaque(Vec::new()))
    }

    pub fn policy(&self) -> Policy {
        let policy =
            self.parameter(self.policy_at.into()).and_then(|policy| policy.decode(&mut Reports::default()).ok());
        policy.unwrap_or(Policy::RoundRobin)
    }

    pub fn asap_transport(&self) -> Option<TransportParameter> {
        self.transport(self.asap_transport_at.into())
    }

    fn transport(&self, at: usize) -> Option<TransportParameter> {
        TransportParameter::decode(&self.parameter(at)?, &mut Reports::default()).ok()?
    }

    fn parameter(&self, at: usize) -> Option<Tlv<'_>> {
        Parameters::new(Reader::new(self.bytes.get(at..)?)).next(&mut Reports::default()).ok()?
    }
}

/// Where parameters lie in an encoded element, behind the header of the pretended message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    policy_at: usize,
    asap_transport_at: usize,
}
