//! The transport in memory does what tests want of it: faults, and the same again from the same seed.

use crate::support::memory::{Delays, MemoryNetwork, MemoryTransport};
use rserpool::association::{LossReason, PeerAddress};
use rserpool::transport::{EndpointConfig, OutboundMessage, Transport};
use rserpool::{AssociationId, Time};
use std::time::Duration;

const LATE: Time = Time::from_secs(3600);

struct Pair {
    network: MemoryNetwork,
    one: MemoryTransport,
    other: MemoryTransport,
    now: Time,
    log: Vec<String>,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let network = MemoryNetwork::new(seed, Delays::default());
        let config = EndpointConfig { listen: true, ..EndpointConfig::default() };
        let (one, other) = (network.open(&config).unwrap(), network.open(&config).unwrap());
        Pair { network, one, other, now: Time::ZERO, log: Vec::new() }
    }

    fn run(&mut self, until: Time) {
        loop {
            for (name, endpoint) in [("one", &mut self.one), ("other", &mut self.other)] {
                let (now, log) = (self.now, &mut self.log);
                endpoint.poll(now, &mut |event| log.push(format!("{now} {name} {event:?}")));
            }
            let next = [&self.one, &self.other].into_iter().filter_map(|e| e.next_deadline()).min();
            match next.filter(|next| *next <= until) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
        }
        self.now = until;
    }

    fn connect(&mut self) -> AssociationId {
        let peer = PeerAddress::from(self.other.address());
        let id = self.one.connect(self.now, &peer, Duration::from_secs(5)).unwrap();
        self.run(self.now + Duration::from_millis(50));
        id
    }

    fn send(&mut self, id: AssociationId, payload: &[u8]) {
        self.one.send(self.now, id, OutboundMessage::control(11, payload)).unwrap();
    }

    fn count(&self, what: &str) -> usize {
        self.log.iter().filter(|line| line.contains(what)).count()
    }
}

#[test]
fn a_run_repeats_from_its_seed_and_not_from_another() {
    let trace = |seed| {
        let mut pair = Pair::new(seed);
        let id = pair.connect();
        for i in 0..20 {
            pair.send(id, &[i]);
        }
        pair.run(Time::from_secs(1));
        pair.log
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}

#[test]
fn what_a_block_held_back_arrives_after_healing() {
    let mut pair = Pair::new(1);
    let id = pair.connect();
    pair.network.block(pair.now, pair.one.address(), pair.other.address());
    pair.send(id, b"held");
    pair.run(pair.now + Duration::from_millis(500));
    assert_eq!(pair.count("Message"), 0);
    pair.network.heal(pair.now);
    pair.run(LATE);
    assert_eq!((pair.count("Message"), pair.count("Lost")), (1, 0));
}

#[test]
fn a_block_that_lasts_is_noticed_by_both_sides() {
    let mut pair = Pair::new(1);
    let id = pair.connect();
    pair.network.block(pair.now, pair.one.address(), pair.other.address());
    pair.send(id, b"lost");
    pair.run(LATE);
    assert_eq!(pair.count("Lost"), 2);
    assert_eq!(pair.count("reason: Unreachable"), 2);
    assert_eq!(pair.count("undelivered: []"), 1, "the message is reported where it was sent: {:?}", pair.log);
}

#[test]
fn a_stall_delays_but_breaks_nothing() {
    let mut pair = Pair::new(1);
    let id = pair.connect();
    let until = pair.now + Duration::from_secs(60);
    pair.network.stall(pair.one.address(), pair.other.address(), until);
    pair.send(id, b"slow");
    pair.run(until - Duration::from_millis(1));
    assert_eq!(pair.count("Message"), 0);
    pair.run(LATE);
    assert_eq!((pair.count("Message"), pair.count("Lost")), (1, 0));
}

#[test]
fn a_cut_loses_the_tail_at_once() {
    let mut pair = Pair::new(1);
    let id = pair.connect();
    pair.send(id, b"tail");
    pair.network.cut(pair.now, pair.one.address(), pair.other.address());
    pair.run(LATE);
    assert_eq!((pair.count("Message"), pair.count("Lost")), (0, 2));
}

#[test]
fn a_half_open_association_is_aborted_when_used_and_found_out_when_not() {
    for used in [true, false] {
        let mut pair = Pair::new(1);
        let id = pair.connect();
        pair.network.forget(pair.now, pair.other.address(), pair.one.address());
        if used {
            pair.send(id, b"anyone?");
        }
        pair.run(LATE);
        let reason =
            if used { "one Lost { association: association 0/1, reason: Aborted" } else { "reason: Unreachable" };
        assert_eq!((pair.count("Lost"), pair.count(reason)), (1, 1), "{:?}", pair.log);
    }
}

#[test]
fn events_of_an_aborted_association_are_not_delivered_any_more() {
    let mut pair = Pair::new(1);
    let id = pair.connect();
    pair.network.cut(pair.now, pair.one.address(), pair.other.address());
    pair.one.abort(pair.now, id, "");
    pair.run(LATE);
    assert_eq!(pair.count("one Lost"), 0);
    assert_eq!(pair.count("other Lost"), 1);
    assert_eq!(LossReason::Unreachable.to_string(), "the peer does not answer any more");
}

#[test]
fn a_process_that_gets_the_address_of_a_dead_one_is_not_taken_for_it() {
    let mut pair = Pair::new(1);
    pair.connect();
    let address = pair.other.address();
    pair.other = pair.network.open(&EndpointConfig { listen: true, ..EndpointConfig::default() }).unwrap();
    let mut next = pair.network.open(&EndpointConfig { bind: vec![address], ..EndpointConfig::default() }).unwrap();
    // Its first association has the number that the first one of the dead process had.
    let peer = PeerAddress::from(pair.other.address());
    next.connect(pair.now, &peer, Duration::from_secs(5)).unwrap();
    pair.run(LATE);
    assert_eq!(pair.count("one Lost"), 1, "{:?}", pair.log);
}
