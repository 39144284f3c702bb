//! A pool user: its session, its endpoint, and a driver that does what the session wants, in order, after each batch of events.

use super::books::Books;
use super::world::Sabotage;
use crate::support::memory::{MemoryNetwork, MemoryTransport};
use rserpool::association::{LossReason, PeerAddress, Undelivered};
use rserpool::random::Random;
use rserpool::session::{Action, Attempt, Event, Notification, PoolUserConfig, PoolUserSession};
use rserpool::transport::{EndpointConfig, OutboundMessage, Transport, TransportError, TransportEvent};
use rserpool::wire::PPID_ASAP;
use rserpool::{AssociationId, PoolElementId, PoolHandle, SessionId, Time};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const PPID: u32 = 99;

/// What comes out of the transport.
enum Incoming {
    Up(AssociationId),
    Failed(AssociationId, LossReason),
    Control(AssociationId, Vec<u8>),
    Writable(AssociationId),
    Lost(AssociationId, LossReason, Vec<Undelivered>),
}

/// What the session wants of registrars.
pub enum Wish {
    Resolve(Attempt),
    Report(PoolElementId),
}

pub struct User {
    number: usize,
    pub session: PoolUserSession,
    pub transport: MemoryTransport,
    pub config: PoolUserConfig,
    pub books: Books,
    pub wishes: Vec<Wish>,
    pub wants_removals: bool,
    attempts: BTreeMap<Attempt, AssociationId>,
    /// Associations with elements that have one stream.
    one_stream: Vec<AssociationId>,
    /// Something was refused for want of streams: it may have been reported.
    pub lacked_streams: bool,
    sabotage: Option<Sabotage>,
}

impl User {
    pub fn new(number: usize, network: &MemoryNetwork, random: &mut Random, sabotage: Option<Sabotage>) -> User {
        let fast = random.below(2) == 0;
        let profile = if fast { PoolUserConfig::fast() } else { PoolUserConfig::default() };
        // Those that sabotage is to be noticed by resend.
        let resend = sabotage.is_some() || random.below(5) > 0;
        let config = PoolUserConfig { automatic: random.below(4) > 0, resend, ..profile };
        let endpoint = EndpointConfig { max_send_queue: 100_000, ..EndpointConfig::default() };
        let pool_handle = PoolHandle::from("pool");
        User {
            number,
            session: PoolUserSession::new(config.clone(), SessionId(1), pool_handle),
            transport: network.open(&endpoint).expect("there is an address"),
            config,
            books: Books::default(),
            wishes: Vec::new(),
            wants_removals: false,
            attempts: BTreeMap::new(),
            one_stream: Vec::new(),
            lacked_streams: false,
            sabotage,
        }
    }

    pub fn next_deadline(&self) -> Option<Time> {
        [self.transport.next_deadline(), self.session.next_deadline()].into_iter().flatten().min()
    }

    /// Hands an event to the session, and does what it wants.
    pub fn event(&mut self, now: Time, event: Event<'_>) {
        let mut actions = Vec::new();
        self.session.handle(now, event, &mut actions);
        self.perform(now, actions);
    }

    /// Does what is due. `one_stream` says of an association whether its element has one stream only.
    pub fn poll(&mut self, now: Time, one_stream: impl Fn(&PeerAddress) -> bool) {
        let mut batch = Vec::new();
        let limited = &mut self.one_stream;
        while self.transport.poll(now, &mut |event| match event {
            TransportEvent::Up { association, peer } => {
                if one_stream(&peer.address) {
                    limited.push(association);
                }
                batch.push(Incoming::Up(association));
            }
            TransportEvent::ConnectFailed { association, reason } => batch.push(Incoming::Failed(association, reason)),
            TransportEvent::Message { association, ppid: PPID_ASAP, payload, .. } => {
                batch.push(Incoming::Control(association, payload.to_vec()));
            }
            TransportEvent::Message { .. } => {}
            TransportEvent::Writable { association } => batch.push(Incoming::Writable(association)),
            TransportEvent::Lost { association, reason, undelivered } => {
                batch.push(Incoming::Lost(association, reason, undelivered));
            }
        }) {}
        let mut actions = Vec::new();
        for incoming in batch {
            self.take(now, incoming, &mut actions);
        }
        if self.session.next_deadline().is_some_and(|at| at <= now) {
            self.session.handle(now, Event::Timeout, &mut actions);
        }
        self.perform(now, actions);
    }

    fn take(&mut self, now: Time, incoming: Incoming, actions: &mut Vec<Action>) {
        let event = match &incoming {
            Incoming::Up(association) => match self.attempt_of(*association) {
                Some(attempt) => Event::Up { attempt, association: *association },
                None => return self.transport.abort(now, *association, "nobody waits for it"),
            },
            Incoming::Failed(association, reason) => match self.attempt_of(*association) {
                Some(attempt) => Event::ConnectFailed { attempt, reason: reason.clone() },
                None => return,
            },
            Incoming::Control(association, bytes) => Event::Control { association: *association, bytes },
            Incoming::Writable(association) => Event::Writable { association: *association },
            Incoming::Lost(association, reason, undelivered) => {
                let forgets = self.sabotage == Some(Sabotage::ForgetsUndelivered);
                let undelivered = if forgets { Vec::new() } else { undelivered.clone() };
                Event::Lost { association: *association, reason: reason.clone(), undelivered }
            }
        };
        self.session.handle(now, event, actions);
    }

    fn attempt_of(&mut self, association: AssociationId) -> Option<Attempt> {
        let attempt = *self.attempts.iter().find(|(_, connecting)| **connecting == association)?.0;
        self.attempts.remove(&attempt);
        Some(attempt)
    }

    fn perform(&mut self, now: Time, actions: Vec<Action>) {
        let mut work = VecDeque::from(actions);
        while let Some(action) = work.pop_front() {
            let mut more = Vec::new();
            self.perform_one(now, action, &mut more);
            work.extend(more);
        }
    }

    fn perform_one(&mut self, now: Time, action: Action, more: &mut Vec<Action>) {
        match action {
            Action::Resolve { attempt, .. } => self.wishes.push(Wish::Resolve(attempt)),
            Action::Report { pool_element_id, .. } => self.wishes.push(Wish::Report(pool_element_id)),
            Action::WantRemovals => self.wants_removals = true,
            Action::Connect { attempt, peer, timeout } => match self.transport.connect(now, &peer, timeout) {
                Ok(association) => {
                    self.attempts.insert(attempt, association);
                }
                // An association that is being closed is in the way.
                Err(_) => {
                    let reason = LossReason::Unreachable;
                    self.session.handle(now, Event::ConnectFailed { attempt, reason }, more);
                }
            },
            Action::CancelConnect { attempt } => {
                if let Some(association) = self.attempts.remove(&attempt) {
                    self.transport.abort(now, association, "another one is up");
                }
            }
            Action::SendControl { association, bytes } => {
                // What does not fit is a cookie echo that comes too late anyway.
                let _ = self.transport.send(now, association, OutboundMessage::control(PPID_ASAP, &bytes));
            }
            Action::Resend { association } => self.resend(now, association, more),
            Action::Probe { association } => self.transport.probe(now, association),
            Action::GiveUp { association } => self.transport.give_up(now, association, "failover"),
            Action::Abort { association } => self.transport.abort(now, association, "failover"),
            Action::Shutdown { association } | Action::EndSession { association, .. } => {
                self.transport.shutdown(now, association);
            }
            Action::Notify(Notification::SendFailed { messages, .. }) => self.books.reported += messages as usize,
            Action::Notify(Notification::FailoverComplete { .. }) => self.books.failovers += 1,
            Action::Notify(_) | Action::ClearInbox | Action::Settled(_) => {}
        }
    }

    fn resend(&mut self, now: Time, association: AssociationId, more: &mut Vec<Action>) {
        while let Some(resend) = self.session.next_resend(association).cloned() {
            let message = OutboundMessage::from(&resend);
            let event = match self.hand_over(now, association, message) {
                Ok(()) => Event::Resent,
                Err(TransportError::WouldBlock | TransportError::UnknownAssociation | TransportError::Closing) => break,
                Err(_) => Event::ResendRefused,
            };
            if self.sabotage == Some(Sabotage::ResendsTwice) && event == Event::Resent {
                let _ = self.transport.send(now, association, message);
            }
            self.session.handle(now, event, more);
        }
    }

    fn hand_over(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        if message.stream > 0 && self.one_stream.contains(&association) {
            self.lacked_streams = true;
            return Err(TransportError::Unsupported("a stream that the peer does not have"));
        }
        self.transport.send(now, association, message)
    }

    /// The application sends its next message.
    pub fn send(&mut self, now: Time, random: &mut Random) {
        let Some(association) = self.session.association() else { return };
        let length = if random.below(20) == 0 { 20_000 } else { 8 + random.below(2000) as usize };
        let stream = u16::from(random.below(4) == 0);
        let mut payload = vec![0; length];
        payload[..4].copy_from_slice(&(self.number as u32).to_be_bytes());
        payload[4..8].copy_from_slice(&self.books.accepted.to_be_bytes());
        let message = OutboundMessage { stream, ppid: PPID, unordered: false, lifetime: None, payload: &payload };
        if self.hand_over(now, association, message).is_ok() {
            self.books.accepted += 1;
        }
    }

    /// How long it waits until it sends again.
    pub fn pause(random: &mut Random) -> Duration {
        // Bursts, which fill the send queue of an element that does not read.
        if random.below(3) > 0 {
            Duration::from_micros(random.below(500))
        } else {
            random.within(Duration::from_millis(200))
        }
    }
}
