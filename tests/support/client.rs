//! A client core under a virtual clock, and the messages and registrars that tests play to it.

use rserpool::asap::{
    Action, AsapClient, AsapConfig, ConnectAttempt, Event, Outcome, RegistrationState, Request, RequestError, RequestId,
};
use rserpool::association::{LossReason, PeerAddress, TransportKind};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub const POOL: &str = "call-control";
/// Of registrars that elements can register with.
pub const SCTP: &[TransportKind] = &[TransportKind::Memory];

pub fn handle() -> PoolHandle {
    PoolHandle::from(POOL)
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn registrar_address(number: u8) -> PeerAddress {
    PeerAddress::new(IpAddr::from([10, 0, 0, number]), 3863)
}

pub fn association(number: u64) -> AssociationId {
    AssociationId::new(1, number)
}

/// `registrars` configured registrars, reachable over these transports.
pub fn config(registrars: u8, transports: &[TransportKind]) -> AsapConfig {
    AsapConfig {
        static_registrars: (1..=registrars).map(registrar_address).collect(),
        registrar_transports: transports.to_vec(),
        ..AsapConfig::default()
    }
}

pub fn element(id: u32) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: RegistrarId(0),
        registration_life: RegistrationLife::for_interval(Duration::from_secs(30)),
        user_transport: TransportParameter::Sctp {
            port: 4000,
            transport_use: TransportUse::DataPlusControl,
            addresses: AddressList::from_slice(&[IpAddr::from([10, 0, 1, 1])]),
        },
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

pub fn resolve(items: Option<u32>, stale_cache: Duration) -> Request {
    Request::Resolve { pool_handle: handle(), items, stale_cache }
}

pub fn register(id: u32) -> Request {
    Request::Register {
        pool_handle: handle(),
        pool_element: element(id),
        reregistration_interval: Duration::from_secs(30),
    }
}

/// What an element sends to a registrar that has not shown in which unit it reads lives.
pub fn registration_in_both_units(element: PoolElement) -> Registration {
    let life = element.registration_life;
    let pool_element = PoolElement { registration_life: life.in_milliseconds(), ..element };
    Registration { pool_handle: handle(), pool_element, life_in_seconds: Some(life) }
}

/// What it sends to one that reads seconds.
pub fn registration_in_seconds(element: PoolElement) -> Registration {
    Registration { pool_handle: handle(), pool_element: element, life_in_seconds: None }
}

pub fn deregister(id: u32) -> Request {
    Request::Deregister { pool_handle: handle(), pool_element_id: PoolElementId(id) }
}

pub fn unreachable(id: u32) -> Request {
    Request::ReportUnreachable { pool_handle: handle(), pool_element_id: PoolElementId(id) }
}

pub fn encode(message: AsapMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("a message that fits");
    bytes
}

pub fn resolved(policy: Option<Policy>, ids: &[u32]) -> AsapMessage {
    AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
        accept_updates: false,
        pool_handle: handle(),
        policy,
        pool_elements: ids.iter().map(|id| element(*id)).collect(),
        error: None,
    })
}

/// A list that a registrar pushes to who subscribed.
pub fn pushed(ids: &[u32]) -> AsapMessage {
    match resolved(Some(Policy::RoundRobin), ids) {
        AsapMessage::HandleResolutionResponse(message) => {
            AsapMessage::HandleResolutionResponse(HandleResolutionResponse { accept_updates: true, ..message })
        }
        _ => unreachable!(),
    }
}

pub fn not_resolved(cause: Cause) -> AsapMessage {
    AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
        accept_updates: false,
        pool_handle: handle(),
        policy: None,
        pool_elements: Vec::new(),
        error: Some(OperationalError::of(cause)),
    })
}

pub fn registered(id: u32, error: Option<Cause>) -> AsapMessage {
    AsapMessage::RegistrationResponse(RegistrationResponse {
        reject: error.is_some(),
        pool_handle: handle(),
        pool_element_id: PoolElementId(id),
        error: error.map(OperationalError::of),
        registrars: Vec::new(),
        life_in_seconds: None,
    })
}

/// The home registrar accepts a registration and tells of other registrars, each by identifier and number of its host.
pub fn registered_beside(id: u32, registrars: &[(u32, u8)]) -> AsapMessage {
    let AsapMessage::RegistrationResponse(response) = registered(id, None) else { unreachable!() };
    let registrars = registrars.iter().map(|&(id, number)| ServerInformation {
        id: RegistrarId(id),
        transport: TransportParameter::Sctp {
            port: PORT_ENRP,
            transport_use: TransportUse::DataOnly,
            addresses: registrar_address(number).addresses,
        },
    });
    AsapMessage::RegistrationResponse(RegistrationResponse { registrars: registrars.collect(), ..response })
}

/// A registrar that reads seconds has registered it for as long.
pub fn registered_for(id: u32, life: RegistrationLife) -> AsapMessage {
    match registered(id, None) {
        AsapMessage::RegistrationResponse(message) => {
            AsapMessage::RegistrationResponse(RegistrationResponse { life_in_seconds: Some(life), ..message })
        }
        _ => unreachable!(),
    }
}

/// A parameter that the sender does not know.
pub fn reported(parameter: &[u8]) -> AsapMessage {
    let causes = vec![ErrorCause { cause: Cause::UnrecognizedParameter, info: parameter.to_vec() }];
    AsapMessage::Error(Error { error: OperationalError { causes } })
}

pub fn deregistered(id: u32) -> AsapMessage {
    AsapMessage::DeregistrationResponse(DeregistrationResponse {
        pool_handle: handle(),
        pool_element_id: PoolElementId(id),
        error: None,
    })
}

pub fn keep_alive(home: bool, registrar: u32, pool: &str, id: Option<u32>) -> AsapMessage {
    AsapMessage::EndpointKeepAlive(EndpointKeepAlive {
        home,
        registrar_id: RegistrarId(registrar),
        pool_handle: PoolHandle::from(pool),
        pool_element_id: id.map(PoolElementId),
        registrars: Vec::new(),
    })
}

pub fn keep_alive_ack(id: u32) -> AsapMessage {
    AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck {
        pool_handle: handle(),
        pool_element_id: PoolElementId(id),
    })
}

pub type Connect = (ConnectAttempt, TransportKind, PeerAddress);

/// What the core did in answer to one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done(pub Vec<Action>);

impl Done {
    pub fn connects(&self) -> Vec<Connect> {
        let connect = |action: &Action| match action {
            Action::Connect { attempt, kind, peer, .. } => Some((*attempt, *kind, peer.clone())),
            _ => None,
        };
        self.0.iter().filter_map(connect).collect()
    }

    pub fn sent(&self) -> Vec<(AssociationId, AsapMessage)> {
        let sent = |action: &Action| match action {
            Action::Send { association, bytes } => {
                Some((*association, AsapMessage::decode(bytes).expect("the core sends what decodes").message))
            }
            _ => None,
        };
        self.0.iter().filter_map(sent).collect()
    }

    pub fn completed(&self) -> Vec<(u64, Result<Outcome, RequestError>)> {
        let completed = |action: &Action| match action {
            Action::Complete { request, result } => Some((request.0, result.clone())),
            _ => None,
        };
        self.0.iter().filter_map(completed).collect()
    }

    /// How many messages subscribe to a pool.
    pub fn subscriptions(&self) -> usize {
        let subscribes = |message: &AsapMessage| matches!(message, AsapMessage::HandleResolution(m) if m.subscribe);
        self.sent().iter().filter(|(_, message)| subscribes(message)).count()
    }

    /// The identifiers of the elements that a resolution resolved into.
    pub fn elements(&self, request: u64) -> Vec<u32> {
        match self.completed().into_iter().find(|(id, _)| *id == request) {
            Some((_, Ok(Outcome::Resolved { pool_elements, .. }))) => pool_elements.iter().map(|pe| pe.id.0).collect(),
            other => panic!("request {request} is not resolved: {other:?} in {:?}", self.0),
        }
    }

    /// How registrations stand now that stood otherwise before.
    pub fn registrations(&self) -> Vec<RegistrationState> {
        let changed = |action: &Action| match action {
            Action::RegistrationChanged { state, .. } => Some(*state),
            _ => None,
        };
        self.0.iter().filter_map(changed).collect()
    }

    pub fn cancelled_connects(&self) -> Vec<ConnectAttempt> {
        let cancelled = |action: &Action| match action {
            Action::CancelConnect { attempt } => Some(*attempt),
            _ => None,
        };
        self.0.iter().filter_map(cancelled).collect()
    }

    pub fn aborts(&self) -> Vec<AssociationId> {
        let aborted = |action: &Action| match action {
            Action::Abort { association, .. } => Some(*association),
            _ => None,
        };
        self.0.iter().filter_map(aborted).collect()
    }

    pub fn shutdowns(&self) -> Vec<AssociationId> {
        let closed = |action: &Action| match action {
            Action::Shutdown { association } => Some(*association),
            _ => None,
        };
        self.0.iter().filter_map(closed).collect()
    }

    pub fn is_shutdown_complete(&self) -> bool {
        self.0.contains(&Action::ShutdownComplete)
    }
}

/// A core and its clock.
pub struct Client {
    pub core: AsapClient,
    pub now: Time,
    next_association: u64,
}

impl Client {
    pub fn new(config: AsapConfig) -> Client {
        Client::with_seed(config, 1)
    }

    pub fn with_seed(config: AsapConfig, seed: u64) -> Client {
        Client {
            core: AsapClient::new(config.validated().expect("settings that can work"), seed, Time::ZERO),
            now: Time::ZERO,
            next_association: 0,
        }
    }

    pub fn event(&mut self, event: Event<'_>) -> Done {
        let mut actions = Vec::new();
        self.core.handle(self.now, event, &mut actions);
        Done(actions)
    }

    pub fn request(&mut self, id: u64, request: Request) -> Done {
        self.event(Event::Request(RequestId(id), request))
    }

    /// The connect succeeds.
    pub fn up(&mut self, connect: &Connect) -> (AssociationId, Done) {
        self.next_association += 1;
        let association = association(self.next_association);
        let (attempt, kind, peer) = connect.clone();
        (association, self.event(Event::AssociationUp { association, attempt: Some(attempt), peer, kind }))
    }

    /// A registrar connects to us.
    pub fn inbound(&mut self, number: u8) -> (AssociationId, Done) {
        self.next_association += 1;
        let association = association(self.next_association);
        let (peer, kind) = (registrar_address(number), TransportKind::Memory);
        (association, self.event(Event::AssociationUp { association, attempt: None, peer, kind }))
    }

    pub fn refused(&mut self, attempt: ConnectAttempt) -> Done {
        self.event(Event::ConnectFailed { attempt, reason: LossReason::Refused })
    }

    pub fn lost(&mut self, association: AssociationId) -> Done {
        self.event(Event::AssociationLost { association, reason: LossReason::Unreachable })
    }

    pub fn message(&mut self, association: AssociationId, message: AsapMessage) -> Done {
        self.bytes(association, &encode(message))
    }

    pub fn bytes(&mut self, association: AssociationId, bytes: &[u8]) -> Done {
        self.event(Event::Message { association, ppid: PPID_ASAP, bytes })
    }

    pub fn announcement(&mut self, from: &str, registrar: u32, transports: Vec<TransportParameter>) -> Done {
        let message = ServerAnnounce { registrar_id: RegistrarId(registrar), transports };
        let bytes = encode(AsapMessage::ServerAnnounce(message));
        self.event(Event::Announcement { from: from.parse().expect("an address"), bytes: &bytes })
    }

    /// Lets time pass until the next deadline, which there is.
    pub fn advance_to_deadline(&mut self) -> Done {
        let wait = self.core.next_deadline().unwrap().saturating_since(self.now);
        self.advance(wait)
    }

    /// Lets time pass, with a timeout at each deadline.
    pub fn advance(&mut self, by: Duration) -> Done {
        let until = self.now + by;
        let mut done = Done::default();
        let mut steps = 0;
        while let Some(at) = self.core.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            done.0.extend(self.event(Event::Timeout).0);
            steps += 1;
            assert!(steps < 100_000, "the core does not come to rest");
        }
        self.now = until;
        done
    }

    /// Has a resolution make the core connect to the first registrar that it tries, and answers it.
    pub fn connected(config: AsapConfig) -> (Client, AssociationId) {
        let mut client = Client::new(config);
        let connects = client.request(1_000_000, resolve(Some(1), Duration::ZERO)).connects();
        let (association, _) = client.up(&connects[0]);
        client.message(association, resolved(Some(Policy::RoundRobin), &[1]));
        (client, association)
    }
}

/// A registrar that behaves.
#[derive(Default)]
pub struct Registrar {
    pub pool: BTreeMap<u32, PoolElement>,
    pub received: Vec<AsapMessage>,
}

impl Registrar {
    pub fn answer(&mut self, message: &AsapMessage) -> Option<AsapMessage> {
        self.received.push(message.clone());
        match message {
            AsapMessage::Registration(message) => {
                self.pool.insert(message.pool_element.id.0, message.pool_element.clone());
                Some(registered(message.pool_element.id.0, None))
            }
            AsapMessage::Deregistration(message) => {
                self.pool.remove(&message.pool_element_id.0);
                Some(deregistered(message.pool_element_id.0))
            }
            AsapMessage::HandleResolution(_) if self.pool.is_empty() => Some(not_resolved(Cause::UnknownPoolHandle)),
            AsapMessage::HandleResolution(_) => {
                Some(resolved(Some(Policy::RoundRobin), &self.pool.keys().copied().collect::<Vec<_>>()))
            }
            _ => None,
        }
    }
}
