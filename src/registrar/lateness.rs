//! Whether this registrar itself was not running: then nobody else is blamed for the time that has passed.

use crate::Time;
use std::time::Duration;

/// When a timer is handled later than this, the registrar itself was not running. The driver may be late on purpose, because it
/// first reads what has arrived, but by less than this.
pub(crate) const LATE: Duration = Duration::from_secs(1);

/// How a timer is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lateness {
    InTime,
    /// This registrar was not running: answers may be waiting to be read.
    Late,
}

impl Lateness {
    /// That of a timer that was due `at`.
    pub fn of(now: Time, at: Time) -> Lateness {
        if now.saturating_since(at) > LATE { Lateness::Late } else { Lateness::InTime }
    }
}
