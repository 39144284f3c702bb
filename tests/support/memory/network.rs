//! The network itself: endpoints, what is on its way between them, and what is broken.

use super::Delays;
use super::association::{Item, Side, death_time, detection_time};
use rserpool::association::{LossReason, PeerAddress, Undelivered};
use rserpool::random::Random;
use rserpool::transport::{EndpointConfig, OutboundMessage, QueuedEvent, SctpParameters, TransportError};
use rserpool::{AssociationId, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The first port given to endpoints that ask for any.
const FIRST_FREE_PORT: u16 = 49_152;

pub(super) struct Endpoint {
    pub address: SocketAddr,
    pub config: EndpointConfig,
    pub sides: BTreeMap<AssociationId, Side>,
    /// Associations by the peer's address.
    pub peers: BTreeMap<SocketAddr, AssociationId>,
    pub inbox: BTreeMap<(Time, u64), Item>,
    pub events: VecDeque<QueuedEvent>,
    pub next_id: u64,
}

/// Endpoints and what is between them. All its tables are ordered, so a run depends on nothing but its inputs.
pub(super) struct Network {
    random: Random,
    delays: Delays,
    endpoints: Vec<Option<Endpoint>>,
    pub(super) by_address: BTreeMap<SocketAddr, usize>,
    next_port: u16,
    next_host: u32,
    sequence: u64,
    /// The latest arrival on each way, for nothing overtakes.
    arrivals: BTreeMap<(SocketAddr, SocketAddr), Time>,
    isolated: BTreeSet<SocketAddr>,
    blocked: BTreeSet<(SocketAddr, SocketAddr)>,
    stalled: BTreeMap<(SocketAddr, SocketAddr), Time>,
    /// What was sent on ways that are broken, in order.
    held: Vec<(SocketAddr, SocketAddr, Item)>,
    /// Counts healings: suspicions from before one do not count after it.
    pub(super) epoch: u64,
}

impl Network {
    pub fn new(seed: u64, delays: Delays) -> Network {
        Network {
            random: Random::new(seed),
            delays,
            endpoints: Vec::new(),
            by_address: BTreeMap::new(),
            next_port: FIRST_FREE_PORT,
            next_host: 1,
            sequence: 0,
            arrivals: BTreeMap::new(),
            isolated: BTreeSet::new(),
            blocked: BTreeSet::new(),
            stalled: BTreeMap::new(),
            held: Vec::new(),
            epoch: 0,
        }
    }

    pub fn open(&mut self, config: &EndpointConfig) -> Result<(usize, SocketAddr), TransportError> {
        let wanted = config.bind.first().copied().unwrap_or_else(|| self.fresh_host());
        let address = self.free_address(wanted)?;
        self.endpoints.push(Some(Endpoint {
            address,
            config: config.clone(),
            sides: BTreeMap::new(),
            peers: BTreeMap::new(),
            inbox: BTreeMap::new(),
            events: VecDeque::new(),
            next_id: 1,
        }));
        let number = self.endpoints.len() - 1;
        self.by_address.insert(address, number);
        Ok((number, address))
    }

    fn fresh_host(&mut self) -> SocketAddr {
        let [_, b, c, d] = self.next_host.to_be_bytes();
        self.next_host += 1;
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, b, c, d)), 0)
    }

    fn free_address(&mut self, wanted: SocketAddr) -> Result<SocketAddr, TransportError> {
        if wanted.port() != 0 {
            let taken = self.by_address.contains_key(&wanted);
            return if taken { Err(TransportError::Io(io::ErrorKind::AddrInUse.into())) } else { Ok(wanted) };
        }
        for _ in FIRST_FREE_PORT..=u16::MAX {
            let address = SocketAddr::new(wanted.ip(), self.next_port);
            self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            if !self.by_address.contains_key(&address) {
                return Ok(address);
            }
        }
        Err(TransportError::Io(io::ErrorKind::AddrInUse.into()))
    }

    pub(super) fn at(&mut self, number: usize) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(number)?.as_mut()
    }

    pub(super) fn side(&mut self, number: usize, id: AssociationId) -> Option<&mut Side> {
        self.at(number)?.sides.get_mut(&id)
    }

    pub(super) fn peek(&self, number: usize) -> Option<&Endpoint> {
        self.endpoints.get(number)?.as_ref()
    }

    pub fn max_message_size(&self, number: usize) -> usize {
        self.peek(number).map_or(0, |endpoint| endpoint.config.max_message_size)
    }

    pub fn set_parameters(&mut self, number: usize, parameters: &SctpParameters) {
        if let Some(endpoint) = self.at(number) {
            endpoint.config.parameters = *parameters;
        }
    }

    pub fn limit_send_queues(&mut self, number: usize, bytes: usize) {
        if let Some(endpoint) = self.at(number) {
            endpoint.config.max_send_queue = bytes;
        }
    }

    pub fn round_trip_time(&self, number: usize, id: AssociationId) -> Option<Duration> {
        self.peek(number)?.sides.get(&id)?.round_trip
    }

    pub fn next_deadline(&self, number: usize) -> Option<Time> {
        let endpoint = self.peek(number)?;
        let first = || endpoint.inbox.first_key_value().map(|((at, _), _)| *at);
        if endpoint.events.is_empty() { first() } else { Some(Time::ZERO) }
    }

    /// The next thing that happened at an endpoint until `now`.
    pub fn next_event(&mut self, now: Time, number: usize) -> Option<QueuedEvent> {
        loop {
            let endpoint = self.at(number)?;
            if let Some(event) = endpoint.events.pop_front() {
                return Some(event);
            }
            let due = endpoint.inbox.first_entry().filter(|entry| entry.key().0 <= now)?;
            let item = due.remove();
            self.handle(now, number, item);
        }
    }

    // What the users of endpoints ask for.

    pub fn connect(
        &mut self,
        now: Time,
        number: usize,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        let invalid = || TransportError::Io(io::ErrorKind::InvalidInput.into());
        let candidates = || peer.addresses.iter().map(|address| SocketAddr::new(*address, peer.port));
        let there = candidates().find(|address| self.by_address.contains_key(address));
        let to = there.or_else(|| candidates().next()).ok_or_else(invalid)?;
        let endpoint = self.at(number).ok_or(TransportError::UnknownAssociation)?;
        if endpoint.sides.len() >= endpoint.config.max_associations {
            return Err(TransportError::TooManyAssociations);
        }
        if endpoint.peers.contains_key(&to) {
            return Err(TransportError::Io(io::Error::from_raw_os_error(libc::EISCONN)));
        }
        let id = endpoint.add(Side::new(to, None, false, now));
        let from = endpoint.address;
        self.push(number, now + timeout, Item::ConnectTimeout { to: id });
        self.transfer(now, from, to, Item::Connect { from, peer: id });
        Ok(id)
    }

    pub fn send(
        &mut self,
        now: Time,
        number: usize,
        id: AssociationId,
        message: &OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let endpoint = self.at(number).ok_or(TransportError::UnknownAssociation)?;
        let (limit, queue) = (endpoint.config.max_message_size, endpoint.config.max_send_queue);
        let from = endpoint.address;
        let side = endpoint.sides.get_mut(&id).ok_or(TransportError::UnknownAssociation)?;
        let length = message.payload.len();
        if length == 0 {
            return Err(TransportError::EmptyMessage);
        }
        if length > limit {
            return Err(TransportError::MessageTooLarge { limit });
        }
        if side.closing || side.peer_closed {
            return Err(TransportError::Closing);
        }
        let Some(to) = side.peer.filter(|_| side.pending.has_room(length, queue)) else {
            side.blocked = true;
            return Err(TransportError::WouldBlock);
        };
        let (stream, ppid, payload) = (message.stream, message.ppid, message.payload.to_vec());
        let number = side.pending.push(message.try_into()?);
        let peer_address = side.peer_address;
        self.transfer(now, from, peer_address, Item::Message { from, to, number, stream, ppid, payload });
        Ok(())
    }

    pub fn shutdown(&mut self, now: Time, number: usize, id: AssociationId) {
        let Some(side) = self.side(number, id) else { return };
        if side.peer.is_none() {
            return self.end(number, id, LossReason::Closed);
        }
        side.closing = true;
        self.advance_shutdown(now, number, id);
    }

    pub fn abort(&mut self, now: Time, number: usize, id: AssociationId, reason: &str) {
        let Some(endpoint) = self.at(number) else { return };
        endpoint.events.retain(|event| event.association() != id);
        let from = endpoint.address;
        let Some(side) = endpoint.remove(id) else { return };
        if let Some(to) = side.peer {
            let reason = LossReason::Aborted(reason.chars().filter(|c| !c.is_control()).collect());
            self.transfer(now, from, side.peer_address, Item::Aborted { to, reason });
        }
    }

    pub fn give_up(&mut self, now: Time, number: usize, id: AssociationId, reason: &str) {
        let Some(side) = self.side(number, id) else { return };
        let (up, undelivered) = (side.peer.is_some(), side.pending.take());
        self.abort(now, number, id, reason);
        if let Some(endpoint) = self.at(number).filter(|_| up) {
            endpoint.events.push_back(QueuedEvent::Lost { association: id, reason: LossReason::GivenUp, undelivered });
        }
    }

    // What breaks it.

    pub fn kill(&mut self, number: usize) {
        let Some(endpoint) = self.endpoints.get_mut(number).and_then(Option::take) else { return };
        self.by_address.remove(&endpoint.address);
        // Nothing says when the process died but the last arrival: the heartbeats of its peers find out from there.
        let last = self.arrivals.values().max().copied().unwrap_or(Time::ZERO);
        for side in endpoint.sides.values() {
            if let Some(to) = side.peer {
                self.suspect_death(last, side.peer_address, to);
            }
        }
    }

    pub fn isolate(&mut self, now: Time, who: SocketAddr) {
        self.isolated.insert(who);
        self.suspect_all(now);
    }

    pub fn block(&mut self, now: Time, from: SocketAddr, to: SocketAddr) {
        self.blocked.insert((from, to));
        self.suspect_all(now);
    }

    pub fn stall(&mut self, from: SocketAddr, to: SocketAddr, until: Time) {
        self.stalled.insert((from, to), until);
    }

    pub fn cut(&mut self, _now: Time, one: SocketAddr, other: SocketAddr) {
        for (who, peer) in [(one, other), (other, one)] {
            let Some(&number) = self.by_address.get(&who) else { continue };
            if let Some(id) = self.at(number).and_then(|endpoint| endpoint.peers.get(&peer).copied()) {
                self.end(number, id, LossReason::Unreachable);
            }
        }
    }

    pub fn forget(&mut self, now: Time, who: SocketAddr, peer: SocketAddr) {
        let Some(&number) = self.by_address.get(&who) else { return };
        let Some(endpoint) = self.at(number) else { return };
        let side = endpoint.peers.get(&peer).copied().and_then(|id| endpoint.remove(id));
        if let Some(to) = side.and_then(|side| side.peer) {
            self.suspect_death(now, peer, to);
        }
    }

    pub fn heal(&mut self, now: Time) {
        self.epoch += 1;
        self.isolated.clear();
        self.blocked.clear();
        self.stalled.clear();
        for (from, to, item) in std::mem::take(&mut self.held) {
            self.transfer(now, from, to, item);
        }
    }

    fn is_broken(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.isolated.contains(&from) || self.isolated.contains(&to) || self.blocked.contains(&(from, to))
    }

    /// Every association that has lost a direction is found out about in its own time.
    fn suspect_all(&mut self, now: Time) {
        for number in 0..self.endpoints.len() {
            let Some(endpoint) = self.peek(number) else { continue };
            let suspects: Vec<AssociationId> = endpoint
                .sides
                .iter()
                .filter(|(_, side)| self.is_cut_off(endpoint.address, side.peer_address))
                .map(|(id, _)| *id)
                .collect();
            let at = now + detection_time(&endpoint.config.parameters);
            let epoch = self.epoch;
            for to in suspects {
                self.push(number, at, Item::Check { to, epoch });
            }
        }
    }

    pub(super) fn is_cut_off(&self, one: SocketAddr, other: SocketAddr) -> bool {
        self.is_broken(one, other) || self.is_broken(other, one)
    }

    /// The other side of `to` is gone without a word.
    fn suspect_death(&mut self, now: Time, address: SocketAddr, to: AssociationId) {
        let Some(&number) = self.by_address.get(&address) else { return };
        let Some(endpoint) = self.peek(number) else { return };
        let longest = death_time(&endpoint.config).as_nanos() as u64;
        let at = now + Duration::from_nanos(longest / 2 + self.random.below(longest - longest / 2 + 1));
        let epoch = self.epoch;
        self.push(number, at, Item::Check { to, epoch });
    }

    // What happens on the way.

    pub(super) fn push(&mut self, number: usize, at: Time, item: Item) {
        self.sequence += 1;
        let key = (at, self.sequence);
        if let Some(endpoint) = self.at(number) {
            endpoint.inbox.insert(key, item);
        }
    }

    /// Sends an item on its way, in order behind what was sent before.
    pub(super) fn transfer(&mut self, now: Time, from: SocketAddr, to: SocketAddr, item: Item) {
        if self.is_broken(from, to) {
            self.held.push((from, to, item));
            return;
        }
        let (shortest, longest) = (self.delays.shortest.as_nanos() as u64, self.delays.longest.as_nanos() as u64);
        let delay = Duration::from_nanos(shortest + self.random.below(longest.saturating_sub(shortest) + 1));
        let stalled = self.stalled.get(&(from, to)).copied().unwrap_or(Time::ZERO);
        let latest = self.arrivals.entry((from, to)).or_insert(Time::ZERO);
        *latest = (now + delay).max(stalled).max(*latest);
        let at = *latest;
        match (self.by_address.get(&to), item) {
            (Some(&number), item) => self.push(number, at, item),
            // Nobody there: a connect is refused, anything else gives the death away.
            (None, Item::Connect { peer, .. }) => {
                self.answer(at, to, from, Item::Refused { to: peer, reason: LossReason::Refused })
            }
            (None, _) => {}
        }
    }

    pub(super) fn answer(&mut self, now: Time, from: SocketAddr, to: SocketAddr, item: Item) {
        self.transfer(now, from, to, item);
    }
}

impl Endpoint {
    pub(super) fn add(&mut self, side: Side) -> AssociationId {
        let id = AssociationId::new(self.config.transport_number, self.next_id);
        self.next_id += 1;
        self.peers.insert(side.peer_address, id);
        self.sides.insert(id, side);
        id
    }

    pub(super) fn remove(&mut self, id: AssociationId) -> Option<Side> {
        let side = self.sides.remove(&id)?;
        if self.peers.get(&side.peer_address) == Some(&id) {
            self.peers.remove(&side.peer_address);
        }
        Some(side)
    }

    pub(super) fn up(&mut self, id: AssociationId) {
        let Some(side) = self.sides.get_mut(&id) else { return };
        self.events.push_back(QueuedEvent::Up { association: id, peer: side.peer() });
        if std::mem::take(&mut side.blocked) {
            self.events.push_back(QueuedEvent::Writable { association: id });
        }
    }
}
