//! ICMP port unreachable for an established association: a hint to look at once, never proof (RFC 9260 section 10).
//!
//! A process that is killed sends no ABORT; its host answers the next packet with ICMP. A few heartbeats of our own in quick
//! succession then tell: any valid packet of the peer ends the suspicion, as does silence (dcsctp's own timers go on);
//! only if each heartbeat is refused again the peer is gone.

use crate::Time;
use std::time::Duration;

/// Time between heartbeats.
const INTERVAL: Duration = Duration::from_millis(40);
/// Heartbeats that must be refused.
const PROBES: u32 = 3;
/// Length of the information in our heartbeats. dcsctp's have four bytes.
const INFORMATION: usize = 12;
const MAGIC: [u8; 4] = *b"RSPl";

/// A suspicion.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe {
    sent: u32,
    /// The latest heartbeat was refused.
    refused: bool,
    pub next: Time,
}

/// What to do about a suspicion.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send another heartbeat.
    Probe,
    /// Wait.
    Wait,
    /// Nobody confirmed the suspicion.
    Acquitted,
    /// The peer is gone.
    Gone,
}

impl Probe {
    /// Begins: the caller sends the first heartbeat now.
    pub fn begin(now: Time) -> Probe {
        Probe { sent: 1, refused: false, next: now + INTERVAL }
    }

    /// Another ICMP error arrived.
    pub fn on_refused(&mut self) -> Verdict {
        self.refused = true;
        if self.sent >= PROBES { Verdict::Gone } else { Verdict::Wait }
    }

    pub fn on_timer(&mut self, now: Time) -> Verdict {
        if now < self.next {
            return Verdict::Wait;
        }
        if !self.refused {
            return Verdict::Acquitted;
        }
        self.sent += 1;
        self.refused = false;
        self.next = now + INTERVAL;
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
    fn three_refused_heartbeats_convict() {
        let mut probe = Probe::begin(Time::ZERO);
        assert_eq!(probe.on_refused(), Verdict::Wait);
        assert_eq!(probe.on_timer(probe.next), Verdict::Probe);
        assert_eq!(probe.on_refused(), Verdict::Wait);
        assert_eq!(probe.on_timer(probe.next), Verdict::Probe);
        assert_eq!(probe.on_refused(), Verdict::Gone);
        assert!(probe.next <= Time::from_millis(200));
    }

    #[test]
    fn silence_acquits() {
        let mut probe = Probe::begin(Time::ZERO);
        assert_eq!(probe.on_timer(Time::from_millis(1)), Verdict::Wait);
        assert_eq!(probe.on_timer(probe.next), Verdict::Acquitted);
    }

    #[test]
    fn our_heartbeats_are_told_from_those_of_dcsctp() {
        assert!(is_ours(&information(7)));
        assert!(!is_ours(&[0, 0, 0, 1]));
    }
}
