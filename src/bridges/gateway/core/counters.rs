//! What a gateway counts.

use super::interface::End;
use std::fmt;

/// Events since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clients that came.
    pub accepted: u64,
    /// Of these: closed at once, as the client or everybody had too many.
    pub refused: u64,
    /// Of these: closed, as no element took them in time.
    pub given_up: u64,
    /// Led to an element.
    pub led: u64,
    /// Led to another element than the first one that was tried.
    pub led_elsewhere: u64,
    /// Connects that failed.
    pub connects_failed: u64,
    /// Closed, as their element was removed.
    pub reset: u64,
    /// Flows that went on with another element.
    pub moved: u64,
    /// Ended by both sides in order.
    pub ended: u64,
    /// The client's connection broke.
    pub client_lost: u64,
    /// The element's connection broke.
    pub element_lost: u64,
    /// Nothing came for too long.
    pub idle: u64,
}

impl Counters {
    /// One more end of a session.
    pub(super) fn count(&mut self, end: End) {
        let counter = match end {
            End::InOrder => &mut self.ended,
            End::ClientLost => &mut self.client_lost,
            End::ElementLost => &mut self.element_lost,
            End::Idle => &mut self.idle,
        };
        *counter += 1;
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accepted={} led={} led_elsewhere={} refused={} given_up={} connects_failed={} reset={} moved={} ended={} \
             client_lost={} element_lost={} idle={}",
            self.accepted,
            self.led,
            self.led_elsewhere,
            self.refused,
            self.given_up,
            self.connects_failed,
            self.reset,
            self.moved,
            self.ended,
            self.client_lost,
            self.element_lost,
            self.idle
        )
    }
}
