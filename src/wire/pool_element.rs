//! Pool Element parameter (RFC 5354 section 3.10).

use super::{Policy, TransportParameter};
use crate::{PoolElementId, RegistrarId};
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

/// The registration life field: the raw signed number of the wire.
///
/// RFC 5354 counts seconds, rsplib milliseconds. Numbers of at least three re-registration intervals in
/// milliseconds, read as seconds, satisfy both: `for_interval` makes such numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegistrationLife(pub i32);

impl RegistrationLife {
    /// Never expires (-1).
    pub const INFINITE: RegistrationLife = RegistrationLife(-1);

    /// The life to send for a re-registration interval: three times the interval, as a number of milliseconds.
    pub fn for_interval(interval: Duration) -> RegistrationLife {
        let millis = interval.as_millis().saturating_mul(3);
        RegistrationLife(i32::try_from(millis).unwrap_or(i32::MAX))
    }

    /// The life as RFC 5354 counts it, in seconds; `None`: infinite. Other negative numbers are invalid and count as zero.
    pub fn as_duration(self) -> Option<Duration> {
        (self.0 != -1).then(|| Duration::from_secs(u64::try_from(self.0).unwrap_or(0)))
    }
}
