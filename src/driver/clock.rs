//! The one place that reads the clock.

use crate::Time;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// The time since this process first asked.
#[allow(clippy::disallowed_methods)] // this is the place
pub fn now() -> Time {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    Time::ZERO + start.elapsed()
}

/// The time of day, for what other hosts are to read as well. It may be set, backwards too.
#[allow(clippy::disallowed_methods)] // this is the place
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
