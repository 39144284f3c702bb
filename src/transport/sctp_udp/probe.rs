//! A peer that may be gone is looked at once: after ICMP port unreachable, or when somebody asks for it. A hint is never proof
//! (RFC 9260 section 10).
//!
//! A process that is killed sends no ABORT; its host answers the next packet with ICMP, but hosts limit how often they do (Linux: six
//! at once to one other host, then one a second), and networks lose packets. So some heartbeats of our own go out in quick
//! succession. Any valid packet of the peer ends the suspicion. It is gone when one of the later heartbeats is refused, too, or when
//! all have stayed without an answer.

use crate::Time;
use std::time::Duration;

/// Time between heartbeats, at least; a peer that is farther away has two round trips for each.
const INTERVAL: Duration = Duration::from_millis(20);
/// Heartbeats before a refusal counts.
const BEFORE_REFUSAL: u32 = 3;
/// Heartbeats without an answer. On a link that loses a fifth of the packets each way, one living peer in 3 500 would answer none.
const UNANSWERED: u32 = 8;
/// Length of the information in our heartbeats. dcsctp's have four bytes.
const INFORMATION: usize = 12;
const MAGIC: [u8; 4] = *b"RSPl";

/// A suspicion.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe {
    sent: u32,
    interval: Duration,
    pub next: Time,
}

/// What to do about a suspicion.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send another heartbeat.
    Probe,
    /// Wait.
    Wait,
    /// The peer is gone.
    Gone,
}

impl Probe {
    /// Begins: the caller sends the first heartbeat now.
    pub fn begin(now: Time, round_trip: Option<Duration>) -> Probe {
        let interval = round_trip.map_or(INTERVAL, |time| INTERVAL.max(time.saturating_mul(2)));
        Probe { sent: 1, interval, next: now + interval }
    }

    /// Another ICMP error arrived.
    pub fn on_refused(&self) -> Verdict {
        if self.sent >= BEFORE_REFUSAL { Verdict::Gone } else { Verdict::Wait }
    }

    pub fn on_timer(&mut self, now: Time) -> Verdict {
        if now < self.next {
            return Verdict::Wait;
        }
        if self.sent >= UNANSWERED {
            return Verdict::Gone;
        }
        self.sent += 1;
        self.next = now + self.interval;
        Verdict::Probe
    }
}

/// The information of our heartbeats.
pub(super) fn information(nonce: u64) -> [u8; INFORMATION] {
    let mut information = [0; INFORMATION];
    information[..4].copy_from_slice(&MAGIC);
    information[4..].copy_from_slice(&nonce.to_be_bytes());
    information
}

/// Whether a heartbeat acknowledgement is for one of ours, of which dcsctp knows nothing.
pub(super) fn is_ours(information: &[u8]) -> bool {
    information.len() == INFORMATION && information.starts_with(&MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_after_three_heartbeats_convicts() {
        let mut probe = Probe::begin(Time::ZERO, None);
        assert_eq!(probe.on_refused(), Verdict::Wait);
        assert_eq!(probe.on_timer(probe.next), Verdict::Probe);
        assert_eq!(probe.on_refused(), Verdict::Wait);
        assert_eq!(probe.on_timer(probe.next), Verdict::Probe);
        assert_eq!(probe.on_refused(), Verdict::Gone);
        assert!(probe.next <= Time::from_millis(100));
    }

    #[test]
    fn silence_convicts_after_eight_heartbeats_each_of_which_had_time_for_two_round_trips() {
        for (round_trip, takes) in [(None, 160), (Some(1), 160), (Some(100), 1_600)] {
            let mut probe = Probe::begin(Time::ZERO, round_trip.map(Duration::from_millis));
            assert_eq!(probe.on_timer(Time::from_millis(1)), Verdict::Wait);
            for _ in 1..8 {
                assert_eq!(probe.on_timer(probe.next), Verdict::Probe);
            }
            assert_eq!(probe.on_timer(probe.next), Verdict::Gone);
            assert_eq!(probe.next, Time::from_millis(takes));
        }
    }

    #[test]
    fn our_heartbeats_are_told_from_those_of_dcsctp() {
        assert!(is_ours(&information(7)));
        assert!(!is_ours(&[0, 0, 0, 1]));
    }
}
