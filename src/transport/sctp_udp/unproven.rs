//! How many INITs are answered. An INIT ACK is some times as long as the INIT, and whoever sent that may have named somebody else as its
//! sender: until a cookie comes back, nothing shows who gets the answers, so each source gets only so many. They also cost processor
//! time, so all sources together get only so many, too.

use crate::Time;
use crate::association::host_of;
use crate::token_bucket::TokenBucket;
use std::net::IpAddr;
use std::time::Duration;

/// Places for sources; those that share one have one budget.
const SOURCES: usize = 256;
/// Answers to one source that it may leave without a cookie: as many as a host with that many programs needs at once.
const PER_SOURCE: u32 = 4_096;
/// One more after each such interval: 256 a second, or some 60 kB.
const SOURCE_INTERVAL: Duration = Duration::from_micros(3_906);
/// The same for all sources together.
const IN_ALL: u32 = 16_384;
/// One more after each such interval: 4 000 a second.
const INTERVAL: Duration = Duration::from_micros(250);

/// The answers for which no cookie has come back.
#[derive(Debug)]
pub(super) struct Unproven {
    sources: Vec<TokenBucket>,
    all: TokenBucket,
    /// So that nobody can choose with whom he shares a place.
    seed: u64,
}

impl Unproven {
    pub fn new(now: Time, seed: u64) -> Unproven {
        let source = TokenBucket::new(PER_SOURCE, SOURCE_INTERVAL, now);
        Unproven { sources: vec![source; SOURCES], all: TokenBucket::new(IN_ALL, INTERVAL, now), seed }
    }

    /// Whether an INIT from this address is answered.
    pub fn may_answer(&mut self, now: Time, from: IpAddr) -> bool {
        let place = self.place(from);
        // Who has used up his own budget does not use up that of others.
        place.take(now) && self.all.take(now)
    }

    /// A cookie of ours has come from this address: it was no invention.
    pub fn proven(&mut self, from: IpAddr) {
        self.place(from).give_back();
        self.all.give_back();
    }

    fn place(&mut self, from: IpAddr) -> &mut TokenBucket {
        let mixed = u128::from(host_of(from) ^ self.seed) * u128::from(self.seed | 1);
        let place = ((mixed >> 64) as u64 ^ mixed as u64) % SOURCES as u64;
        &mut self.sources[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const NOW: Time = Time::from_secs(1);

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    fn answered(unproven: &mut Unproven, from: IpAddr, inits: usize) -> usize {
        (0..inits).filter(|_| unproven.may_answer(NOW, from)).count()
    }

    #[test]
    fn sec_a_source_that_sends_no_cookie_gets_few_answers_and_takes_none_from_others() {
        let mut unproven = Unproven::new(NOW, 7);
        assert_eq!(answered(&mut unproven, address(1), 100_000), PER_SOURCE as usize);
        let elsewhere = (2..100).filter(|&number| answered(&mut unproven, address(number), 1) == 1).count();
        assert!(elsewhere > 90, "{elsewhere} of 98 sources are answered");
        let later = NOW + Duration::from_secs(1);
        let again = (0..10_000).filter(|_| unproven.may_answer(later, address(1))).count();
        assert_eq!(again, 256);
    }

    #[test]
    fn sec_invented_sources_together_get_so_many_answers() {
        let mut unproven = Unproven::new(NOW, 7);
        let all: usize = (0..50_000).map(|number| answered(&mut unproven, address(number), 1)).sum();
        assert_eq!(all, IN_ALL as usize);
    }

    #[test]
    fn a_source_whose_cookies_come_back_may_connect_as_often_as_it_likes() {
        let mut unproven = Unproven::new(NOW, 7);
        for round in 0..50_000 {
            assert!(unproven.may_answer(NOW, address(1)), "round {round}");
            unproven.proven(address(1));
        }
    }
}
