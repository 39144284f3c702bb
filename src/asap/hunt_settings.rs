//! The settings of a hunt, and the pauses that follow from them.

use super::config::AsapConfig;
use crate::Time;
use std::time::Duration;

/// What [`AsapConfig`] says about hunts.
pub(super) struct Settings {
    pub(super) max_parallel_connects: usize,
    pub(super) connect_timeout: Duration,
    pub(super) max_connect_trials: Option<u32>,
    pub(super) t5_first: Duration,
    pub(super) t5_max: Duration,
    pub(super) t7: Duration,
}

impl Settings {
    pub(super) fn of(config: &AsapConfig) -> Settings {
        Settings {
            max_parallel_connects: config.max_parallel_connects,
            connect_timeout: config.connect_timeout,
            max_connect_trials: config.max_connect_trials,
            t5_first: config.t5_server_hunt,
            t5_max: config.t5_max,
            t7: config.t7_enrp_outdate,
        }
    }

    /// When a candidate may be tried again that was of no use `times` times in a row.
    pub(super) fn hold_off_end(&self, now: Time, times: u32) -> Time {
        let factor = 1u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
        now + self.t5_first.saturating_mul(factor).min(self.t5_max)
    }
}
