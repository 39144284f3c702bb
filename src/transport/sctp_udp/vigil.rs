//! How many transmissions in a row a peer may leave without an answer before it counts as gone. dcsctp has one number for that, which
//! never changes; its own limit only comes after this.
//!
//! Association.Max.Retrans is enough where nothing gets lost. Where a third of all transmissions stays without an answer, five in a
//! row do each few seconds, though the peer lives. So more are allowed the more of them are seen to be lost, up to a bound; a
//! peer that is gone is noticed that much later there.

use crate::Time;
use std::time::Duration;

/// The most that may stay without an answer, whatever is lost; more only where Association.Max.Retrans says so.
pub(super) const MOST_MISSES: u32 = 16;
/// A living peer may count as gone with this chance, each time that something is sent to it.
const TOLERABLE: f64 = 1e-6;
/// Weights of a transmission in the share of those that are lost. What is lost weighs more: to be late costs less than to be wrong.
const WEIGHT_OF_MISS: f64 = 1.0 / 8.0;
const WEIGHT_OF_ANSWER: f64 = 1.0 / 16.0;

/// What is known of the answers of one peer.
#[derive(Debug)]
pub(super) struct Vigil {
    /// Association.Max.Retrans: never fewer may stay without an answer.
    least: u32,
    /// In a row, without an answer.
    misses: u32,
    /// The share of transmissions that stay without an answer, as far as answers came later. What a silent peer does not answer
    /// says nothing about the way to it.
    loss: f64,
    /// The highest TSN that was acknowledged.
    acknowledged: Option<u32>,
    /// When the heartbeat was sent that has not been answered.
    heartbeat: Option<Time>,
    /// SHUTDOWNs, or acknowledgements of one, since the peer was last heard.
    shutdowns: u32,
}

impl Vigil {
    pub fn new(association_max_retransmissions: u32) -> Vigil {
        let least = association_max_retransmissions;
        Vigil { least, misses: 0, loss: 0.0, acknowledged: None, heartbeat: None, shutdowns: 0 }
    }

    /// Association.Max.Retrans, as it was configured.
    pub fn least(&self) -> u32 {
        self.least
    }

    /// A transmission has stayed without an answer for the time that it had.
    pub fn missed(&mut self) {
        self.misses = self.misses.saturating_add(1);
    }

    /// The peer has acknowledged everything up to this TSN.
    pub fn acknowledged(&mut self, tsn: u32) {
        if self.acknowledged.is_none_or(|before| is_later(tsn, before)) {
            self.acknowledged = Some(tsn);
            self.answered();
        }
    }

    pub fn heartbeat_sent(&mut self, now: Time) {
        self.heartbeat = Some(now);
    }

    /// Counts a heartbeat that has not been answered for so long.
    pub fn look_at_heartbeat(&mut self, now: Time, patience: Duration) {
        if self.heartbeat.is_some_and(|sent| sent + patience <= now) {
            self.heartbeat = None;
            self.missed();
        }
    }

    pub fn heartbeat_answered(&mut self) {
        self.heartbeat = None;
        self.answered();
    }

    pub fn shutdown_sent(&mut self) {
        self.shutdowns += 1;
    }

    /// The peer has sent something.
    pub fn heard(&mut self) {
        self.shutdowns = 0;
    }

    fn answered(&mut self) {
        // More than these change nothing.
        for _ in 0..self.misses.min(MOST_MISSES) {
            self.loss += (1.0 - self.loss) * WEIGHT_OF_MISS;
        }
        self.loss -= self.loss * WEIGHT_OF_ANSWER;
        self.misses = 0;
    }

    /// Transmissions in a row that have stayed without an answer.
    #[cfg(test)]
    pub fn misses(&self) -> u32 {
        self.misses
    }

    /// Whether so many transmissions have stayed without an answer that this is not chance.
    pub fn is_over(&self) -> bool {
        // What is allowed is never less, and takes longer to find out.
        let is_silent = self.misses > self.least && self.misses > self.allowed();
        // The end of an association needs no more patience: nothing is lost with it.
        is_silent || self.shutdowns > self.least.saturating_add(1)
    }

    /// How many may stay without an answer.
    fn allowed(&self) -> u32 {
        let most = MOST_MISSES.max(self.least);
        let chance = |misses: u32| self.loss.powi(misses as i32 + 1);
        (self.least..most).find(|&misses| chance(misses) <= TOLERABLE).unwrap_or(most)
    }
}

/// Whether a TSN comes after another one (RFC 9260 section 1.6).
fn is_later(tsn: u32, before: u32) -> bool {
    (1..1 << 31).contains(&tsn.wrapping_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: u32, misses_before_each: u32) -> Vigil {
        let mut vigil = Vigil::new(4);
        for tsn in 0..answers {
            (0..misses_before_each).for_each(|_| vigil.missed());
            vigil.acknowledged(tsn);
        }
        vigil
    }

    #[test]
    fn where_nothing_is_lost_it_is_as_configured() {
        let mut vigil = after(100, 0);
        (0..4).for_each(|_| vigil.missed());
        assert!(!vigil.is_over());
        vigil.missed();
        assert!(vigil.is_over());
    }

    #[test]
    fn what_a_silent_peer_does_not_answer_earns_it_no_time() {
        let mut vigil = after(100, 0);
        (0..5).for_each(|_| vigil.missed());
        assert_eq!(vigil.allowed(), 4);
    }

    #[test]
    fn the_more_is_lost_the_more_may_be_up_to_a_bound_and_back_again() {
        let allowed = |misses| after(100, misses).allowed();
        assert_eq!([0, 1, 4].map(allowed), [4, MOST_MISSES, MOST_MISSES]);
        let mut vigil = after(20, 1);
        for tsn in 20..200 {
            vigil.acknowledged(tsn);
        }
        assert_eq!(vigil.allowed(), 4, "the network is well again");
    }

    #[test]
    fn more_are_allowed_where_that_is_configured() {
        let mut vigil = Vigil::new(100);
        (0..100).for_each(|_| vigil.missed());
        assert!(!vigil.is_over());
        vigil.missed();
        assert!(vigil.is_over());
    }

    #[test]
    fn only_what_was_not_acknowledged_before_is_an_answer() {
        let mut vigil = after(1, 0);
        vigil.acknowledged(u32::MAX);
        vigil.missed();
        vigil.acknowledged(0);
        assert_eq!(vigil.misses, 1, "the peer sends, and hears nothing");
        vigil.acknowledged(1);
        assert_eq!(vigil.misses, 0);
    }

    #[test]
    fn a_heartbeat_counts_once() {
        let (mut vigil, patience) = (Vigil::new(4), Duration::from_millis(80));
        vigil.heartbeat_sent(Time::from_secs(1));
        vigil.look_at_heartbeat(Time::from_millis(1079), patience);
        assert_eq!(vigil.misses, 0);
        (0..2).for_each(|_| vigil.look_at_heartbeat(Time::from_millis(1080), patience));
        assert_eq!(vigil.misses, 1);
        vigil.heartbeat_answered();
        assert_eq!(vigil.misses, 0);
    }
}
