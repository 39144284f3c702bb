//! Counters for metrics and tests.

/// What a registrar has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Registrations and re-registrations accepted.
    pub registrations: u64,
    /// Registrations refused.
    pub registrations_refused: u64,
    /// De-registrations accepted.
    pub deregistrations: u64,
    /// De-registrations refused.
    pub deregistrations_refused: u64,
    /// Handle resolutions answered with elements.
    pub resolutions: u64,
    /// Handle resolutions answered with an error.
    pub resolutions_failed: u64,
    /// Updates sent to subscribers.
    pub updates_sent: u64,
    /// Keep-alives sent.
    pub keep_alives_sent: u64,
    /// Unreachable reports received and counted.
    pub reports: u64,
    /// Messages of any kind left out because an association sends too many.
    pub rate_limited: u64,
    /// Elements removed because their association was lost.
    pub removed_by_loss: u64,
    /// Elements removed because they did not answer keep-alives.
    pub removed_by_timeout: u64,
    /// Elements removed because of too many unreachable reports.
    pub removed_by_reports: u64,
    /// Elements removed because their registration ended.
    pub removed_by_expiry: u64,
    /// Messages that could not be used.
    pub faults: u64,
    /// Announcements sent.
    pub announcements: u64,
}
