//! Counters for metrics and tests.

/// What a registrar has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Registrations and re-registrations accepted.
    pub registrations: u64,
    /// Registrations refused.
    pub registrations_refused: u64,
    /// New registrations that had to wait, as there was more to do.
    pub registrations_late: u64,
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
    /// What the rules of the operator have denied.
    pub denied: u64,
    /// Messages of any kind left out because an association sends too many.
    pub rate_limited: u64,
    /// TCP connections ended because nothing came on them: for long, or while others needed the room.
    pub silent_ended: u64,
    /// Elements removed because their association was lost.
    pub removed_by_loss: u64,
    /// Elements removed because they did not answer keep-alives.
    pub removed_by_timeout: u64,
    /// Elements removed because of too many unreachable reports.
    pub removed_by_reports: u64,
    /// Elements removed because their registration ended.
    pub removed_by_expiry: u64,
    /// Elements that came back with a late answer after they had been removed for none.
    pub elements_back: u64,
    /// Peers asked about elements that did not answer.
    pub second_opinions: u64,
    /// Messages that could not be used.
    pub faults: u64,
    /// ENRP messages ignored because their sender is no peer, and registrars not taken as peers.
    pub strangers_refused: u64,
    /// Announcements sent.
    pub announcements: u64,
    /// HANDLE_UPDATEs sent, counted for each peer.
    pub handle_updates_sent: u64,
    /// HANDLE_UPDATEs received.
    pub handle_updates_received: u64,
    /// Pages of the handle table sent.
    pub handle_table_pages: u64,
    /// Audits started.
    pub audits: u64,
    /// Registrars that became peers.
    pub peers_found: u64,
    /// Peers that are none any more.
    pub peers_lost: u64,
    /// Arbitrations about dead registrars started.
    pub takeovers_started: u64,
    /// Dead registrars taken over.
    pub takeovers_completed: u64,
    /// Takeovers given up because a peer said that the registrar lives.
    pub takeovers_refused: u64,
    /// Elements of dead registrars that this one became the home of.
    pub elements_taken_over: u64,
    /// Elements that acknowledged this registrar as their new home.
    pub elements_adopted: u64,
}
