//! A registrar in virtual time, and the messages that pool elements and users send it.
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::registrar::{Action, Event, Link, Registrar, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// A registrar with a clock and the messages it has sent.
pub struct World {
    pub registrar: Registrar,
    pub now: Time,
    pub sent: VecDeque<(AssociationId, AsapMessage)>,
    pub aborted: Vec<AssociationId>,
    pub announcements: Vec<(Time, AsapMessage)>,
    pub actions: Vec<Action>,
    /// Associations whose pool elements answer keep-alives.
    pub alive: Vec<AssociationId>,
}

pub fn config() -> RegistrarConfig {
    RegistrarConfig { id: RegistrarId(0xcafe), announce: false, ..RegistrarConfig::default() }
}

impl World {
    pub fn new(config: RegistrarConfig) -> World {
        World {
            registrar: Registrar::new(config.validated().expect("settings that can work"), 1, Time::ZERO),
            now: Time::ZERO,
            sent: VecDeque::new(),
            aborted: Vec::new(),
            announcements: Vec::new(),
            actions: Vec::new(),
            alive: Vec::new(),
        }
    }

    pub fn event(&mut self, event: Event<'_>) {
        let mut actions = Vec::new();
        self.registrar.handle(self.now, event, &mut actions);
        self.take(&actions);
        self.actions.extend(actions);
    }

    fn take(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Send { association, bytes } => {
                    let message = AsapMessage::decode(bytes).expect("the registrar sends what can be decoded").message;
                    let acknowledge = match &message {
                        AsapMessage::EndpointKeepAlive(m) if self.alive.contains(association) => Some(ack_of(m)),
                        _ => None,
                    };
                    self.sent.push_back((*association, message));
                    if let Some(ack) = acknowledge {
                        self.message(*association, &ack);
                    }
                }
                Action::Abort { association, .. } => self.aborted.push(*association),
                Action::Multicast { bytes, .. } => {
                    self.announcements.push((self.now, AsapMessage::decode(bytes).expect("an announcement").message));
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// A new association from 10.0.0.`host`.
    pub fn up(&mut self, number: u64, host: u8, kind: TransportKind) -> AssociationId {
        self.up_at(number, PeerAddress::new(ip(host), 40_000 + number as u16), kind)
    }

    /// A new association from there.
    pub fn up_at(&mut self, number: u64, address: PeerAddress, kind: TransportKind) -> AssociationId {
        let association = AssociationId::new(0, number);
        let peer = Peer { address, inbound: true, kind };
        self.event(Event::AssociationUp { link: Link::Asap, association, attempt: None, peer });
        association
    }

    /// A pool element's association, from host 10.0.0.`number`; it answers keep-alives.
    pub fn pe(&mut self, number: u8) -> AssociationId {
        let association = self.up(u64::from(number), number, TransportKind::Memory);
        self.alive.push(association);
        association
    }

    /// A pool user's association.
    pub fn pu(&mut self, number: u8) -> AssociationId {
        self.up(u64::from(number), number, TransportKind::Tcp)
    }

    pub fn lose(&mut self, association: AssociationId) {
        self.event(Event::AssociationLost { association, reason: LossReason::Closed });
    }

    pub fn bytes(&mut self, association: AssociationId, bytes: &[u8]) {
        self.event(Event::Message { association, ppid: PPID_ASAP, bytes });
    }

    pub fn message(&mut self, association: AssociationId, message: &AsapMessage) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("encodable");
        self.bytes(association, &bytes);
    }

    /// Sends a message and returns the one answer. Others may be asked whether they are alive, and nothing else.
    pub fn ask(&mut self, association: AssociationId, message: &AsapMessage) -> AsapMessage {
        self.sent.clear();
        self.message(association, message);
        while !self.sent.iter().any(|(to, _)| *to == association) && self.registrations_wait() {
            self.run(Duration::from_millis(1));
        }
        let is_question = |message: &AsapMessage| matches!(message, AsapMessage::EndpointKeepAlive(_));
        let is_answer = |(to, message): &(AssociationId, AsapMessage)| *to == association || !is_question(message);
        let (mut answers, questions): (VecDeque<_>, _) = self.sent.drain(..).partition(is_answer);
        self.sent = questions;
        assert_eq!(answers.len(), 1, "one answer: {answers:?}");
        let (to, answer) = answers.pop_front().unwrap();
        assert_eq!(to, association);
        answer
    }

    /// Whether so many have registered at once that some have to wait.
    pub fn registrations_wait(&self) -> bool {
        self.registrar.held().iter().any(|held| held.what == "registrations that wait" && held.count > 0)
    }

    pub fn register(&mut self, association: AssociationId, pool: &str, element: PoolElement) -> RegistrationResponse {
        self.register_for(association, pool, element, None)
    }

    /// Registers with a life that is in seconds for certain.
    pub fn register_for(
        &mut self,
        association: AssociationId,
        pool: &str,
        pool_element: PoolElement,
        life_in_seconds: Option<RegistrationLife>,
    ) -> RegistrationResponse {
        let pool_handle = PoolHandle::from(pool);
        let message = AsapMessage::Registration(Registration { pool_handle, pool_element, life_in_seconds });
        match self.ask(association, &message) {
            AsapMessage::RegistrationResponse(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Registers and demands success.
    pub fn registered(&mut self, association: AssociationId, pool: &str, element: PoolElement) {
        let response = self.register(association, pool, element);
        assert!(!response.reject && response.error.is_none(), "{response:?}");
    }

    /// Registers while subscribers are being told, which may go on before the answer.
    pub fn registered_while_told(&mut self, association: AssociationId, pool: &str, element: PoolElement) {
        let pool_handle = PoolHandle::from(pool);
        self.message(
            association,
            &AsapMessage::Registration(Registration { pool_handle, pool_element: element, life_in_seconds: None }),
        );
        let response = self.sent.pop_back().expect("an answer");
        assert!(matches!(response.1, AsapMessage::RegistrationResponse(m) if !m.reject));
    }

    /// Registers and demands this refusal.
    pub fn refused(
        &mut self,
        association: AssociationId,
        pool: &str,
        element: PoolElement,
        cause: Cause,
    ) -> ErrorCause {
        let before = (self.registrar.handlespace().pool_count(), self.registrar.handlespace().element_count());
        let response = self.register(association, pool, element);
        assert!(response.reject, "R bit");
        let error = response.error.expect("a cause");
        assert_eq!(error.first(), Some(cause));
        let after = (self.registrar.handlespace().pool_count(), self.registrar.handlespace().element_count());
        assert_eq!(before, after, "a refusal changes nothing");
        error.causes[0].clone()
    }

    pub fn deregister(&mut self, association: AssociationId, pool: &str, id: u32) -> DeregistrationResponse {
        let message = Deregistration { pool_handle: PoolHandle::from(pool), pool_element_id: PoolElementId(id) };
        match self.ask(association, &AsapMessage::Deregistration(message)) {
            AsapMessage::DeregistrationResponse(response) => response,
            other => panic!("{other:?}"),
        }
    }

    pub fn resolve_with(
        &mut self,
        association: AssociationId,
        pool: &str,
        items: Option<u32>,
        subscribe: bool,
    ) -> HandleResolutionResponse {
        let message = HandleResolution { subscribe, pool_handle: PoolHandle::from(pool), items };
        match self.ask(association, &AsapMessage::HandleResolution(message)) {
            AsapMessage::HandleResolutionResponse(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The identifiers that a resolution gives, in their order; empty when there is no such pool.
    pub fn resolve(&mut self, association: AssociationId, pool: &str) -> Vec<u32> {
        let response = self.resolve_with(association, pool, None, false);
        assert_eq!(response.error.is_some(), response.pool_elements.is_empty());
        response.pool_elements.iter().map(|e| e.id.0).collect()
    }

    pub fn report(&mut self, association: AssociationId, pool: &str, id: u32) {
        let message = EndpointUnreachable { pool_handle: PoolHandle::from(pool), pool_element_id: PoolElementId(id) };
        self.message(association, &AsapMessage::EndpointUnreachable(message));
    }

    /// Lets time pass, as a driver does.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.registrar.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.event(Event::Timeout);
            let next = self.registrar.next_deadline();
            assert!(next.is_none_or(|next| next > self.now), "the registrar spins at {}", self.now);
        }
        self.now = end;
    }

    /// The keep-alives among what has been sent.
    pub fn keep_alives(&self) -> Vec<(AssociationId, EndpointKeepAlive)> {
        let keep_alive = |(association, message): &(AssociationId, AsapMessage)| match message {
            AsapMessage::EndpointKeepAlive(m) => Some((*association, m.clone())),
            _ => None,
        };
        self.sent.iter().filter_map(keep_alive).collect()
    }

    /// The handle resolution responses among what has been sent.
    pub fn updates(&self) -> Vec<(AssociationId, HandleResolutionResponse)> {
        let update = |(association, message): &(AssociationId, AsapMessage)| match message {
            AsapMessage::HandleResolutionResponse(m) => Some((*association, m.clone())),
            _ => None,
        };
        self.sent.iter().filter_map(update).collect()
    }

    /// The element as the registrar has it.
    pub fn element(&self, pool: &str, id: u32) -> Option<PoolElement> {
        let handlespace = self.registrar.handlespace();
        let index = handlespace.find(&PoolHandle::from(pool), PoolElementId(id))?;
        Some(handlespace.element(index)?.pool_element().clone())
    }
}

pub fn ack_of(keep_alive: &EndpointKeepAlive) -> AsapMessage {
    AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck {
        pool_handle: keep_alive.pool_handle.clone(),
        pool_element_id: keep_alive.pool_element_id.expect("always sent"),
    })
}

pub fn ip(host: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, host])
}

pub fn sctp(host: u8, port: u16) -> TransportParameter {
    TransportParameter::Sctp {
        port,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[ip(host)]),
    }
}

/// An element with this identifier that serves on host 10.0.0.`host`.
pub fn element(id: u32, host: u8) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: RegistrarId(0),
        registration_life: RegistrationLife(300_000),
        user_transport: sctp(host, 5000),
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

pub fn with_policy(policy: Policy, element: PoolElement) -> PoolElement {
    PoolElement { policy, ..element }
}
