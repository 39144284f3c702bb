//! Pool Element parameter (RFC 5354 section 3.10).

use super::parameter::{Parameter, Parameters, Reports, parameter_type, required};
use super::{EncodeError, Policy, Reader, TransportParameter, Undecodable, WireError, Writer};
use crate::{PoolElementId, RegistrarId, Time};
use std::time::Duration;

/// A pool element as registered, distributed and resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolElement {
    /// Unique within its pool.
    pub id: PoolElementId,
    /// The registrar that keeps an eye on it; zero while undetermined.
    pub home_registrar: RegistrarId,
    /// How long the registration holds.
    pub registration_life: RegistrationLife,
    /// How pool users reach it.
    pub user_transport: TransportParameter,
    /// Its policy values.
    pub policy: Policy,
    /// How registrars reach it: added by its home registrar, always there in ENRP messages.
    pub asap_transport: Option<TransportParameter>,
}

/// The shortest life that is sent to rsplib, in milliseconds: its registrars may learn of the next registration as late as this.
const SHORTEST_IN_MILLISECONDS: i32 = 10_000;

/// The registration life field: the raw signed number of the wire.
///
/// RFC 5354 counts seconds, rsplib milliseconds: there, a life of 90 is over after 90 ms. So an element registers with the number
/// of milliseconds, which is too long for everybody else, and a parameter of our own with the seconds until it knows
/// that its registrar reads seconds: our registrars repeat that parameter, others report that they do not know it (RFC 5354
/// section 3), and rsplib says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegistrationLife(pub i32);

impl RegistrationLife {
    /// Never expires (-1).
    pub const INFINITE: RegistrationLife = RegistrationLife(-1);

    /// The life for a re-registration interval: three times the interval, in whole seconds, rounded up.
    pub fn for_interval(interval: Duration) -> RegistrationLife {
        let seconds = interval.as_millis().saturating_mul(3).div_ceil(1000).max(1);
        RegistrationLife(i32::try_from(seconds).unwrap_or(i32::MAX))
    }

    /// The number that rsplib reads as this life: milliseconds.
    #[must_use]
    pub fn in_milliseconds(self) -> RegistrationLife {
        match self.0 {
            seconds @ 1.. => RegistrationLife(seconds.saturating_mul(1000).max(SHORTEST_IN_MILLISECONDS)),
            _ => self,
        }
    }

    /// The life that rsplib means by this number. What would be less than ten seconds is more likely to be in seconds.
    #[must_use]
    pub fn from_milliseconds(self) -> RegistrationLife {
        if self.0 < SHORTEST_IN_MILLISECONDS {
            self
        } else {
            RegistrationLife(self.0 / 1000 + i32::from(self.0 % 1000 > 0))
        }
    }

    /// The life as RFC 5354 counts it, in seconds; `None`: infinite. Other negative numbers are invalid and count as zero.
    pub fn as_duration(self) -> Option<Duration> {
        (self != RegistrationLife::INFINITE).then(|| Duration::from_secs(u64::try_from(self.0).unwrap_or(0)))
    }

    /// When a life that begins now is over; `Time::MAX`: never.
    pub fn end(self, now: Time) -> Time {
        self.as_duration().map_or(Time::MAX, |life| now + life)
    }
}

impl PoolElement {
    /// The fields before the first parameter, as they are sent.
    pub(crate) fn fixed_fields(&self) -> [u8; 12] {
        let mut fields = [0; 12];
        fields[..4].copy_from_slice(&self.id.0.to_be_bytes());
        fields[4..8].copy_from_slice(&self.home_registrar.0.to_be_bytes());
        fields[8..].copy_from_slice(&self.registration_life.0.to_be_bytes());
        fields
    }
}

/// The first transport is the user transport, of which there is exactly one; a second one is the ASAP transport, which
/// must be SCTP. The policy may stand anywhere.
impl Parameter for PoolElement {
    const TYPE: u16 = parameter_type::POOL_ELEMENT;
    const NAME: &'static str = "pool element";

    fn decode_value(mut value: Reader<'_>, reports: &mut Reports) -> Result<PoolElement, Undecodable> {
        let id = PoolElementId(value.u32("PE identifier")?);
        let home_registrar = RegistrarId(value.u32("home ENRP server identifier")?);
        let registration_life = RegistrationLife(i32::from_be_bytes(value.array("registration life")?));
        let (mut user_transport, mut policy, mut asap_transport) = (None, None, None);
        let mut parameters = Parameters::new(value);
        while let Some(tlv) = parameters.next(reports)? {
            if tlv.parameter_type == Policy::TYPE {
                tlv.once(&mut policy, reports)?;
            } else if let Some(transport) = TransportParameter::decode(&tlv, reports)? {
                if user_transport.is_none() {
                    user_transport = Some(transport);
                } else if asap_transport.is_some() {
                    return Err(WireError::Repeated { field: "ASAP transport" }.into());
                } else if transport.is_sctp() {
                    asap_transport = Some(transport);
                } else {
                    let value = tlv.parameter_type.into();
                    return Err(WireError::Invalid { field: "ASAP transport type", value }.into());
                }
            }
        }
        let user_transport = user_transport.ok_or(WireError::Missing { field: "user transport" })?;
        let policy = required(policy)?;
        Ok(PoolElement { id, home_registrar, registration_life, user_transport, policy, asap_transport })
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.bytes(&self.fixed_fields());
        self.user_transport.encode(w);
        w.parameter(&self.policy);
        if let Some(asap_transport) = &self.asap_transport {
            if !asap_transport.is_sctp() {
                w.fail(EncodeError::Invalid { field: "ASAP transport", reason: "is not SCTP" });
            }
            asap_transport.encode(w);
        }
    }
}
