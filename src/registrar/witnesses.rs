//! What elements show about the network by the time that they take to answer.
//!
//! What has just happened to the network, others may show before the element itself does that is waited for. One of them is not believed: it
//! may be slow by its own fault, or on purpose, and delay the end of nobody else. So it takes two elements of the same host, or several
//! hosts.

use crate::Time;
use crate::handlespace::ElementIndex;
use std::time::Duration;

/// Hosts that are remembered: those that have answered last.
const MAX_HOSTS: usize = 32;
/// One of so many hosts, and one more, must need that much time: else it is their own fault.
const ONE_OF: usize = 8;
/// What was seen longer ago says nothing about the network now.
const FRESH: Duration = Duration::from_secs(10);

/// Who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    /// By [`crate::association::host_of`].
    pub host: u64,
    pub element: ElementIndex,
}

/// What the elements of a host have been seen to need.
#[derive(Clone, Copy, Debug)]
struct Host {
    host: u64,
    /// When one of them has last answered.
    at: Time,
    latest: (ElementIndex, Duration),
    /// What another one had been seen to need before.
    other: Option<Duration>,
}

/// Those that have answered last.
#[derive(Debug, Default)]
pub(super) struct Witnesses(Vec<Host>);

impl Host {
    /// What the host shows to others: what both need.
    fn shows(&self) -> Duration {
        self.other.map_or(self.latest.1, |other| other.min(self.latest.1))
    }

    /// What it shows to its own elements, any of which may be the one that is slow.
    fn shows_its_own(&self) -> Duration {
        self.other.map_or(Duration::ZERO, |other| other.min(self.latest.1))
    }
}

impl Witnesses {
    /// An element has answered, and may need so long.
    pub fn saw(&mut self, now: Time, who: Witness, needs: Duration) {
        let latest = (who.element, needs);
        if let Some(host) = self.0.iter_mut().find(|host| host.host == who.host) {
            if host.latest.0 != who.element {
                host.other = Some(host.latest.1);
            }
            (host.at, host.latest) = (now, latest);
            return;
        }
        let new = Host { host: who.host, at: now, latest, other: None };
        if self.0.len() < MAX_HOSTS {
            self.0.push(new);
        } else if let Some(oldest) = self.0.iter_mut().min_by_key(|host| host.at) {
            *oldest = new;
        }
    }

    /// How long an element of this host has on account of what others have been seen to need.
    pub fn allow(&self, now: Time, host: u64) -> Duration {
        let fresh = self.0.iter().filter(|host| now.saturating_since(host.at) <= FRESH);
        let mut shown = [Duration::ZERO; MAX_HOSTS];
        let (mut hosts, mut own) = (0, Duration::ZERO);
        for (place, witness) in shown.iter_mut().zip(fresh) {
            *place = witness.shows();
            hosts += 1;
            if witness.host == host {
                own = witness.shows_its_own();
            }
        }
        let shown = &mut shown[..hosts];
        let doubted = (hosts / ONE_OF).max(1);
        if hosts <= doubted {
            return own;
        }
        let (_, believed, _) = shown.select_nth_unstable_by(doubted, |a, b| b.cmp(a));
        own.max(*believed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(100);
    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn element(number: usize) -> ElementIndex {
        ElementIndex::FIRST.skip(number)
    }

    /// Elements of these hosts, which need so many milliseconds.
    fn seen(answers: &[(u64, usize, u64)]) -> Witnesses {
        let mut witnesses = Witnesses::default();
        for &(host, number, needs) in answers {
            witnesses.saw(NOW, Witness { host, element: element(number) }, MS(needs));
        }
        witnesses
    }

    #[test]
    fn one_host_is_not_believed_and_more_are_as_far_as_they_agree() {
        assert_eq!(seen(&[]).allow(NOW, 1), MS(0));
        assert_eq!(seen(&[(2, 1, 900)]).allow(NOW, 1), MS(0));
        assert_eq!(seen(&[(2, 1, 900), (3, 2, 5)]).allow(NOW, 1), MS(5));
        assert_eq!(seen(&[(2, 1, 900), (3, 2, 5), (4, 3, 300)]).allow(NOW, 1), MS(300));
        let two: Vec<_> = (0..16).map(|n| (n, n as usize, if n < 2 { 900 } else { n })).collect();
        assert_eq!(seen(&two).allow(NOW, 1), MS(15), "two of sixteen are not enough");
    }

    #[test]
    fn a_host_shows_its_own_elements_what_two_of_them_need() {
        assert_eq!(seen(&[(1, 1, 900), (1, 1, 800)]).allow(NOW, 1), MS(0));
        let two = seen(&[(1, 1, 900), (1, 2, 700)]);
        assert_eq!((two.allow(NOW, 1), two.allow(NOW, 2)), (MS(700), MS(0)), "others need not be concerned");
        let many_of_one_host: Vec<_> = (0..1000).map(|n| (1, n, 900)).chain([(2, 1, 5), (3, 2, 4)]).collect();
        assert_eq!(seen(&many_of_one_host).allow(NOW, 2), MS(5), "it is one host, however many elements it has");
    }

    #[test]
    fn what_was_is_forgotten() {
        let witnesses = seen(&[(2, 1, 900), (3, 2, 900)]);
        assert_eq!(witnesses.allow(NOW + FRESH, 1), MS(900));
        assert_eq!(witnesses.allow(NOW + FRESH + MS(1), 1), MS(0));
        let many: Vec<_> = (0..1000).map(|n| (n, n as usize, 5)).collect();
        assert_eq!(seen(&many).0.len(), MAX_HOSTS);
    }
}
