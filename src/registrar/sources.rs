//! What one source may cost, however many associations it has (RFC 5355 sections 2.13 and 2.14). A source is a host, or an IPv6 network,
//! of which a host has as many addresses as it likes.
//!
//! What each association may do is in `associations.rs`. That alone bounds nobody: associations cost their peer nothing.

use super::RegistrarConfig;
use crate::Time;
use crate::association::{Peer, PeerAddress};
use crate::handlespace::{LEFT_TO_OTHERS, SeededState, ShardedMap};
use crate::token_bucket::TokenBucket;
use std::collections::VecDeque;
use std::time::Duration;

/// Sources without an association whose budgets are remembered: who hangs up and comes back has no new ones.
const MAX_REMEMBERED: usize = 4096;
/// After that long all budgets are full again, or nearly.
const REMEMBER: Duration = Duration::from_secs(60);

/// A budget: so many at once, then one each interval.
type Budget = (u32, Duration);

/// New associations of a source: all that it may have, then 1 000 a second.
const ASSOCIATIONS: Budget = (65_536, Duration::from_millis(1));
/// Registrations of a source: a host with a hundred thousand elements at once, then 20 000 a second.
const REGISTRATIONS: Budget = (131_072, Duration::from_micros(50));
/// Registrations of elements that were not registered, in all: as many as fit, then 50 000 a second.
const REGISTRATIONS_IN_ALL: Budget = (262_144, Duration::from_micros(20));
/// Pages of the handle table, or lists of registrars, for a source that is no peer: 32 MB at once, then 64 pages a second.
const PAGES: Budget = (8192, Duration::from_micros(15_625));
/// The same for all sources that are no peers.
const PAGES_IN_ALL: Budget = (32_768, Duration::from_millis(4));

fn full((burst, interval): Budget, now: Time) -> TokenBucket {
    TokenBucket::new(burst, interval, now)
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Costly {
    /// A registration of an element that is not registered.
    Registration,
    /// A registration of one that is: in all, these go before new ones.
    Renewal,
    /// A page of the handle table, or a list of registrars, for somebody who is no peer.
    Page,
}

/// Why an association is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdone {
    /// Its source has nearly all.
    TooMany,
    /// Its source has made too many in a short time.
    TooFast,
}

impl Overdone {
    pub fn text(self) -> &'static str {
        match self {
            Overdone::TooMany => "too many associations from one source",
            Overdone::TooFast => "too many associations a second from one source",
        }
    }
}

/// One of them.
#[derive(Debug)]
struct Source {
    associations: usize,
    /// When the last one was gone.
    left: Time,
    /// It stands among those that are gone.
    is_listed: bool,
    made: TokenBucket,
    registrations: TokenBucket,
    pages: TokenBucket,
}

impl Source {
    fn new(now: Time) -> Source {
        Source {
            associations: 0,
            left: now,
            is_listed: false,
            made: full(ASSOCIATIONS, now),
            registrations: full(REGISTRATIONS, now),
            pages: full(PAGES, now),
        }
    }
}

/// All of them: those with associations, and those that had some a moment ago.
#[derive(Debug)]
pub(super) struct Sources {
    /// By [`PeerAddress::host`].
    by_host: ShardedMap<u64, Source>,
    /// Who had no association any more, and when it may be forgotten; the earliest first. Each stands here once.
    gone: VecDeque<(Time, u64)>,
    max_associations: usize,
    registrations: TokenBucket,
    pages: TokenBucket,
}

/// Associations that one host may have.
fn share_of_one(config: &RegistrarConfig) -> usize {
    config.max_associations - config.max_associations / LEFT_TO_OTHERS
}

impl Sources {
    pub fn new(config: &RegistrarConfig, state: SeededState, now: Time) -> Sources {
        Sources {
            by_host: ShardedMap::new(state),
            gone: VecDeque::new(),
            max_associations: share_of_one(config),
            registrations: full(REGISTRATIONS_IN_ALL, now),
            pages: full(PAGES_IN_ALL, now),
        }
    }

    /// Goes by other settings from now on.
    pub fn adopt(&mut self, config: &RegistrarConfig) {
        self.max_associations = share_of_one(config);
    }

    /// An association has come up: it counts, or the reason why it is not to be taken. Those that this registrar made are taken.
    pub fn join(&mut self, now: Time, peer: &Peer) -> Result<(), Overdone> {
        let Some(host) = peer.address.host() else { return Ok(()) };
        if self.by_host.get(&host).is_none() {
            self.forget_gone(now);
            self.by_host.insert(host, Source::new(now));
        }
        let Some(source) = self.by_host.get_mut(&host) else { return Ok(()) };
        if peer.inbound && source.associations >= self.max_associations {
            return Err(Overdone::TooMany);
        }
        if peer.inbound && !source.made.take(now) {
            return Err(Overdone::TooFast);
        }
        source.associations += 1;
        Ok(())
    }

    /// An association that counted is gone.
    pub fn leave(&mut self, now: Time, place: &PeerAddress) {
        let Some(host) = place.host() else { return };
        let Some(source) = self.by_host.get_mut(&host) else { return };
        source.associations = source.associations.saturating_sub(1);
        if source.associations > 0 {
            return;
        }
        source.left = now;
        if !std::mem::replace(&mut source.is_listed, true) {
            self.gone.push_back((now + REMEMBER, host));
            self.forget_gone(now);
        }
    }

    fn forget_gone(&mut self, now: Time) {
        while self.gone.front().is_some_and(|(at, _)| *at <= now || self.gone.len() > MAX_REMEMBERED) {
            let Some((at, host)) = self.gone.pop_front() else { return };
            let Some(source) = self.by_host.get_mut(&host) else { continue };
            let forget_at = source.left + REMEMBER;
            if source.associations > 0 {
                source.is_listed = false;
            } else if at <= now && forget_at > now {
                // It was here in the meantime.
                self.gone.push_back((forget_at, host));
            } else {
                self.by_host.remove(&host);
            }
        }
    }

    /// Whether this may be done once more for this place now.
    pub fn allow(&mut self, now: Time, place: &PeerAddress, what: Costly) -> bool {
        let Some(source) = place.host().and_then(|host| self.by_host.get_mut(&host)) else { return true };
        match what {
            Costly::Registration => source.registrations.take(now) && self.registrations.take(now),
            Costly::Renewal => source.registrations.take(now),
            Costly::Page => source.pages.take(now) && self.pages.take(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::association::TransportKind;

    const NOW: Time = Time::from_secs(1);

    fn sources(max_associations: usize) -> Sources {
        let config = RegistrarConfig { max_associations, ..RegistrarConfig::default() };
        Sources::new(&config, SeededState::new(7), NOW)
    }

    fn place(last: u32) -> PeerAddress {
        PeerAddress::new(std::net::Ipv4Addr::from(0x0a00_0000 + last).into(), 4000)
    }

    fn inbound(last: u32) -> Peer {
        Peer { address: place(last), inbound: true, kind: TransportKind::Tcp }
    }

    fn allowed(sources: &mut Sources, place: &PeerAddress, what: Costly) -> u32 {
        (0..300_000).filter(|_| sources.allow(NOW, place, what)).count() as u32
    }

    #[test]
    fn sec_one_source_leaves_places_to_others() {
        let mut sources = sources(80);
        for number in 0..70 {
            assert_eq!(sources.join(NOW, &inbound(1)), Ok(()), "{number}");
        }
        assert_eq!(sources.join(NOW, &inbound(1)), Err(Overdone::TooMany));
        assert_eq!(sources.join(NOW, &Peer { inbound: false, ..inbound(1) }), Ok(()), "this registrar wants it");
        assert_eq!(sources.join(NOW, &inbound(2)), Ok(()));
        sources.leave(NOW, &place(1));
        sources.leave(NOW, &place(1));
        assert_eq!(sources.join(NOW, &inbound(1)), Ok(()));
    }

    #[test]
    fn sec_a_source_that_comes_and_goes_has_no_new_budget() {
        let mut sources = sources(65_536);
        let come_and_go = |sources: &mut Sources, now| {
            let taken = sources.join(now, &inbound(1)).is_ok();
            if taken {
                sources.leave(now, &place(1));
            }
            taken
        };
        let taken = (0..100_000).filter(|_| come_and_go(&mut sources, NOW)).count();
        assert_eq!(taken, ASSOCIATIONS.0 as usize);
        let later = NOW + Duration::from_secs(1);
        let again = (0..100_000).filter(|_| come_and_go(&mut sources, later)).count();
        assert_eq!(again, 1000);
    }

    #[test]
    fn sec_sources_that_are_gone_are_forgotten() {
        let mut sources = sources(65_536);
        for number in 0..20_000 {
            sources.join(NOW, &inbound(number)).unwrap();
            sources.leave(NOW, &place(number));
        }
        assert!(sources.by_host.len() <= MAX_REMEMBERED && sources.gone.len() <= MAX_REMEMBERED);
        sources.join(NOW + REMEMBER, &inbound(1)).unwrap();
        assert_eq!((sources.by_host.len(), sources.gone.len()), (1, 0));
    }

    #[test]
    fn sec_what_a_source_overdoes_is_refused_to_it_and_not_to_others() {
        let mut sources = sources(65_536);
        for number in 1..=3 {
            sources.join(NOW, &inbound(number)).unwrap();
        }
        assert_eq!(allowed(&mut sources, &place(1), Costly::Registration), REGISTRATIONS.0);
        assert_eq!(allowed(&mut sources, &place(2), Costly::Registration), REGISTRATIONS.0);
        assert_eq!(allowed(&mut sources, &place(3), Costly::Registration), 0, "all together have theirs");
        assert_eq!(allowed(&mut sources, &place(3), Costly::Renewal), 0, "and each tried what it could");
        sources.join(NOW, &inbound(4)).unwrap();
        assert_eq!(allowed(&mut sources, &place(4), Costly::Renewal), REGISTRATIONS.0, "who is registered goes on");
        assert_eq!(allowed(&mut sources, &place(1), Costly::Page), PAGES.0);
        assert_eq!(allowed(&mut sources, &place(2), Costly::Page), PAGES.0);
    }
}
