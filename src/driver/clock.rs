//! The one place that reads the clock.

use crate::Time;
use std::sync::OnceLock;
use std::time::Instant;

/// The time since this process first asked.
#[allow(clippy::disallowed_methods)] // this is the place
pub fn now() -> Time {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    Time::ZERO + start.elapsed()
}
