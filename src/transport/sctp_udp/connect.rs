//! A connect under way: the INIT races to every place where the peer may listen (RFC 6951 section 5.1).
//!
//! A userland peer listens on the UDP port with its SCTP port's number, a kernel on 9899. All candidates get the same
//! INIT of one dcsctp socket; the first INIT ACK wins, and the others have kept no state. A refusal by ABORT or ICMP
//! removes only its own candidate.

use super::udp::{Path, Sent, Udp};
use crate::Time;
use crate::association::{LossReason, PeerAddress};
use crate::transport::zones;
use crate::wire::AddressList;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The UDP port of kernels that encapsulate SCTP (RFC 6951 section 6).
pub(super) const ENCAPSULATION_PORT: u16 = 9899;
/// How long an address is alone before the next one joins the race.
const STAGGER: Duration = Duration::from_millis(200);
/// Addresses of a peer that are tried.
pub(super) const MAX_ADDRESSES: usize = 8;

struct Candidate {
    path: Path,
    alive: bool,
}

/// The state of a connect until the association is up.
pub(super) struct Connecting {
    addresses: AddressList,
    port: u16,
    /// How many of the addresses have joined.
    joined: usize,
    next_join: Option<Time>,
    deadline: Time,
    candidates: SmallVec<[Candidate; 2]>,
    init: Vec<u8>,
    /// An INIT ACK came: what remains is COOKIE ECHO, on one path.
    pub answered: bool,
    refusal: LossReason,
}

impl Connecting {
    pub fn new(peer: &PeerAddress, deadline: Time) -> Connecting {
        let mut addresses = AddressList::new();
        for address in peer.addresses.iter().map(IpAddr::to_canonical) {
            if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Connecting {
            addresses,
            port: peer.port,
            joined: 0,
            next_join: None,
            deadline,
            candidates: SmallVec::new(),
            init: Vec::new(),
            answered: false,
            refusal: LossReason::Refused,
        }
    }

    pub fn addresses(&self) -> &AddressList {
        &self.addresses
    }

    /// A new or repeated INIT for everyone in the race. On the first, the first address joins.
    pub fn send_init(&mut self, now: Time, udp: &Udp, init: Vec<u8>) -> Option<LossReason> {
        self.init = init;
        for candidate in self.candidates.iter_mut().filter(|c| c.alive) {
            candidate.alive = udp.send(&candidate.path, &self.init) == Sent::Done;
        }
        self.settle(now, udp)
    }

    /// When the next address joins or the attempt ends.
    pub fn next_deadline(&self) -> Time {
        self.next_join.filter(|_| !self.answered).map_or(self.deadline, |join| join.min(self.deadline))
    }

    /// Lets the next address join, or ends the attempt.
    pub fn on_timer(&mut self, now: Time, udp: &Udp) -> Option<LossReason> {
        if now >= self.deadline {
            return Some(LossReason::Timeout);
        }
        if !self.answered && self.next_join.is_some_and(|join| now >= join) {
            self.join(now, udp);
            return self.settle(now, udp);
        }
        None
    }

    /// Adds the next address with both ports to the race.
    fn join(&mut self, now: Time, udp: &Udp) {
        let Some(&address) = self.addresses.get(self.joined) else { return };
        self.joined += 1;
        self.next_join = (self.joined < self.addresses.len()).then(|| now + STAGGER);
        let ports = [Some(self.port), Some(ENCAPSULATION_PORT).filter(|port| *port != self.port)];
        for port in ports.into_iter().flatten() {
            let Some(path) = udp.path_to(zones::with_zone(address, port)) else { continue };
            let alive = udp.send(&path, &self.init) == Sent::Done;
            if !alive {
                self.refusal = LossReason::Unreachable;
            }
            self.candidates.push(Candidate { path, alive });
        }
    }

    /// While nobody is left in the race, the next address joins; when there is none, the attempt has failed.
    fn settle(&mut self, now: Time, udp: &Udp) -> Option<LossReason> {
        while !self.candidates.iter().any(|candidate| candidate.alive) {
            if self.joined >= self.addresses.len() {
                return Some(self.refusal.clone());
            }
            self.join(now, udp);
        }
        None
    }

    /// Whether an answer from here can be one to our INIT.
    pub fn is_candidate(&self, from: SocketAddr) -> bool {
        self.candidates.iter().any(|candidate| same_place(candidate.path.remote, from))
    }

    /// Somebody refused, or cannot be reached. Ends the attempt when nobody else is left.
    pub fn remove(&mut self, now: Time, udp: &Udp, from: SocketAddr, refusal: LossReason) -> Option<LossReason> {
        let mut removed = false;
        for candidate in self.candidates.iter_mut().filter(|c| c.alive && same_place(c.path.remote, from)) {
            candidate.alive = false;
            removed = true;
        }
        if !removed {
            return None;
        }
        // Who says why it refuses is the peer; else whoever has its port number is asked first.
        let named = |reason: &LossReason| matches!(reason, LossReason::Aborted(_));
        let counts = from.port() == self.port || refusal != LossReason::Refused;
        if named(&refusal) || counts && !named(&self.refusal) {
            self.refusal = refusal;
        }
        self.settle(now, udp)
    }
}

/// Compares without the scope that only one side may know.
pub(super) fn same_place(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip() == b.ip() && a.port() == b.port()
}
