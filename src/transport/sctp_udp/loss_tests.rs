//! Associations over links that lose and delay, in virtual time: two ends without sockets, and what is between them.

use super::association::Association;
use super::options;
use super::packet;
use super::udp::Path;
use super::vigil::MOST_MISSES;
use crate::random::Random;
use crate::transport::{EndpointConfig, OutboundMessage, SctpParameters};
use crate::{AssociationId, Time};
use dcsctp::api::{DcSctpSocket, SocketEvent};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Between two requests.
const INTERVAL: Duration = Duration::from_millis(100);
const A_MINUTE: Duration = Duration::from_secs(60);

/// What the link does to each packet.
#[derive(Clone, Copy)]
struct Link {
    loss_percent: u64,
    /// Each is delayed by up to so much.
    variation: Duration,
}

const CLEAN: Link = Link { loss_percent: 0, variation: Duration::from_millis(1) };
const BAD: Link = Link { loss_percent: 20, variation: Duration::from_millis(100) };
/// Nothing gets through.
const CUT: Link = Link { loss_percent: 100, variation: Duration::ZERO };

/// The sequence number of a packet on its way keeps those of one time in order.
type Packet = (Time, u64, usize, Vec<u8>);

/// A client, a server that echoes, and the link.
struct Pair {
    ends: [Association; 2],
    link: Link,
    on_the_way: BinaryHeap<Reverse<Packet>>,
    packets: u64,
    random: Random,
    now: Time,
    /// When it is asked next, and when the requests were made that are not answered.
    next_request: Time,
    unanswered: VecDeque<Time>,
    longest_wait: Duration,
    /// The most transmissions in a row that one end had no answer to.
    most_misses: u32,
    lost_at: Option<Time>,
}

impl Pair {
    fn new(parameters: SctpParameters, seed: u64) -> Pair {
        fastrand::seed(seed);
        let config = EndpointConfig { parameters, ..EndpointConfig::default() };
        let end = |number: u8| {
            let (own, other) = (u16::from(number), u16::from(3 - number));
            let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3 - number));
            let path = Path { socket: 0, remote: SocketAddr::new(peer, other), local: None };
            let id = AssociationId::new(0, number.into());
            let options = options::options(&config, own, peer, other);
            Association::new(id, 0, Time::ZERO, &options, parameters.association_max_retransmissions, path)
        };
        let mut pair = Pair {
            ends: [end(1), end(2)],
            link: CLEAN,
            on_the_way: BinaryHeap::new(),
            packets: 0,
            random: Random::new(seed),
            now: Time::ZERO,
            next_request: Time::from_secs(1),
            unanswered: VecDeque::new(),
            longest_wait: Duration::ZERO,
            most_misses: 0,
            lost_at: None,
        };
        pair.ends[0].socket.connect();
        pair.carry_out(0);
        pair.run(Duration::from_secs(11));
        assert!(pair.lost_at.is_none() && pair.unanswered.len() <= 1, "nothing is wrong yet");
        pair
    }

    /// Lets time pass while the link is so.
    fn suffer(&mut self, link: Link, time: Duration) {
        self.link = link;
        self.longest_wait = Duration::ZERO;
        self.run(time);
        let oldest = self.unanswered.front().map_or(Duration::ZERO, |&asked| self.now.saturating_since(asked));
        self.longest_wait = self.longest_wait.max(oldest);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.lost_at.is_none() {
            let packet = self.on_the_way.peek().map(|Reverse(packet)| packet.0);
            let timers = self.ends.iter().filter_map(Association::next_deadline).min();
            let next = [packet, timers, Some(self.next_request)].into_iter().flatten().min().unwrap_or(end);
            self.now = self.now.max(next.min(end));
            if next >= end {
                return;
            }
            self.step();
        }
    }

    fn step(&mut self) {
        if self.next_request <= self.now {
            self.next_request = self.now + INTERVAL;
            self.unanswered.push_back(self.now);
            self.send(0);
        }
        while self.on_the_way.peek().is_some_and(|Reverse(packet)| packet.0 <= self.now) {
            let Some(Reverse((_, _, to, bytes))) = self.on_the_way.pop() else { return };
            self.ends[to].feed(self.now, &bytes).expect("dcsctp takes what dcsctp sends");
            self.carry_out(to);
        }
        for end in 0..2 {
            if self.ends[end].next_deadline().is_some_and(|at| at <= self.now) {
                self.ends[end].advance(self.now);
                self.most_misses = self.most_misses.max(self.ends[end].vigil.misses());
                if self.ends[end].vigil.is_over() {
                    self.lost_at = Some(self.now);
                }
                self.carry_out(end);
            }
        }
    }

    fn send(&mut self, end: usize) {
        self.ends[end].catch_up(self.now);
        self.ends[end].submit(&OutboundMessage::control(11, &[7; 160])).expect("there is memory");
        self.carry_out(end);
    }

    fn carry_out(&mut self, end: usize) {
        while let Some(event) = self.ends[end].socket.poll_event() {
            match event {
                SocketEvent::SendPacket(bytes) => {
                    self.ends[end].note_sent(self.now, bytes.get(packet::HEADER).copied());
                    self.transmit(1 - end, bytes);
                }
                SocketEvent::OnAborted(..) => self.lost_at = Some(self.now),
                _ => {}
            }
        }
        while self.ends[end].socket.get_next_message().is_some() {
            if end == 1 {
                self.send(1);
            } else if let Some(asked) = self.unanswered.pop_front() {
                self.longest_wait = self.longest_wait.max(self.now.saturating_since(asked));
            }
        }
    }

    fn transmit(&mut self, to: usize, bytes: Vec<u8>) {
        if self.random.below(100) < self.link.loss_percent {
            return;
        }
        self.packets += 1;
        let at = self.now + self.random.within(self.link.variation);
        self.on_the_way.push(Reverse((at, self.packets, to, bytes)));
    }
}

const PROFILES: [fn() -> SctpParameters; 2] = [SctpParameters::fast, SctpParameters::default];

#[test]
fn associations_outlive_a_link_that_loses_and_delays() {
    for (profile, longest_allowed) in PROFILES.into_iter().zip([2, 5]) {
        let minute = |seed| {
            let mut pair = Pair::new(profile(), seed);
            pair.suffer(BAD, A_MINUTE);
            pair
        };
        let pairs: Vec<Pair> = (1..=20).map(minute).collect();
        let lost = pairs.iter().filter(|pair| pair.lost_at.is_some()).count();
        let longest = pairs.iter().map(|pair| pair.longest_wait).max().unwrap_or_default();
        let most = pairs.iter().map(|pair| pair.most_misses).max().unwrap_or_default();
        println!("{lost} lost; an answer after {longest:?}; {most} misses in a row");
        assert_eq!(lost, 0);
        assert!(longest < Duration::from_secs(longest_allowed), "{longest:?}");
        assert!(most > profile().association_max_retransmissions, "{most}: it was not tried");
    }
}

#[test]
fn a_peer_that_is_cut_off_is_noticed_as_fast_as_ever_where_nothing_was_lost() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile(), 1);
        let since = pair.now;
        pair.suffer(CUT, A_MINUTE);
        let noticed = pair.lost_at.expect("nobody answers").saturating_since(since);
        assert!(noticed <= INTERVAL + profile().notices_while_sending(), "{noticed:?}");
    }
}

#[test]
fn a_peer_that_is_cut_off_is_noticed_also_where_much_was_lost() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile(), 1);
        pair.suffer(BAD, A_MINUTE);
        let since = pair.now;
        pair.suffer(CUT, A_MINUTE);
        let noticed = pair.lost_at.expect("nobody answers").saturating_since(since);
        assert!(noticed <= INTERVAL + profile().rto_max * (MOST_MISSES + 1), "{noticed:?}");
    }
}
