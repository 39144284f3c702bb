//! A session, and who answers it.

mod accounts;
mod element;
mod race;
mod random;
mod search;

use super::*;
use crate::association::LossReason;
use crate::message::AsapMessage;
use crate::message::asap::Cookie;
use crate::session::encode_business_card;
use crate::wire::{AddressList, PPID_ASAP, Policy, RegistrationLife, TransportParameter, TransportUse};
use crate::{PoolElementId, RegistrarId};

const SESSION: SessionId = SessionId(1);

struct Harness {
    session: PoolUserSession,
    now: Time,
    associations: u64,
}

fn element(id: u32) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: RegistrarId(1),
        registration_life: RegistrationLife::INFINITE,
        user_transport: TransportParameter::Sctp {
            port: id as u16 + 1000,
            transport_use: TransportUse::DataPlusControl,
            addresses: AddressList::from_slice(&["127.0.0.1".parse().unwrap()]),
        },
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

fn elements(ids: &[u32]) -> Vec<PoolElement> {
    ids.iter().map(|id| element(*id)).collect()
}

fn encoded(message: AsapMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

impl Harness {
    fn new(automatic: bool) -> Harness {
        let config = PoolUserConfig { automatic, resend: true, ..PoolUserConfig::default() };
        Harness {
            session: PoolUserSession::new(config, SESSION, "pool".into()),
            now: Time::from_secs(1),
            associations: 0,
        }
    }

    fn handle(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.session.handle(self.now, event, &mut actions);
        actions
    }

    /// Lets time pass until the session wants to be woken.
    fn sleep(&mut self) -> Vec<Action> {
        self.now = self.session.next_deadline().expect("the session waits for a time");
        self.handle(Event::Timeout)
    }

    /// Answers the resolution in `actions` with these elements.
    fn resolve(&mut self, actions: &[Action], ids: &[u32]) -> Vec<Action> {
        let attempt = resolution(actions);
        self.handle(Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements: elements(ids) })
    }

    /// Lets the connect in `actions` succeed.
    fn up(&mut self, actions: &[Action]) -> (AssociationId, Vec<Action>) {
        self.associations += 1;
        let association = AssociationId::new(1, self.associations);
        let (attempt, _) = connect(actions);
        (association, self.handle(Event::Up { attempt, association }))
    }

    /// Connected to element 1.
    fn connected(automatic: bool) -> (Harness, AssociationId) {
        let mut harness = Harness::new(automatic);
        let actions = harness.handle(Event::Start);
        let actions = harness.resolve(&actions, &[1, 2]);
        let (association, actions) = harness.up(&actions);
        assert_eq!(actions, [Action::Settled(Ok(()))]);
        (harness, association)
    }

    fn lose(&mut self, association: AssociationId, reason: LossReason) -> Vec<Action> {
        self.handle(Event::Lost { association, reason, undelivered: Vec::new() })
    }
}

fn resolution(actions: &[Action]) -> Attempt {
    let found = actions.iter().find_map(|action| match action {
        Action::Resolve { attempt, .. } => Some(*attempt),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no resolution in {actions:?}"))
}

/// The connect in `actions`: which, and to which element.
fn connect(actions: &[Action]) -> (Attempt, u32) {
    let found = actions.iter().find_map(|action| match action {
        Action::Connect { attempt, peer, .. } => Some((*attempt, u32::from(peer.port) - 1000)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no connect in {actions:?}"))
}

fn report(pool_element_id: PoolElementId) -> Action {
    Action::Report { pool_handle: "pool".into(), pool_element_id }
}

fn necessary(has_cookie: bool) -> Action {
    Action::Notify(Notification::FailoverNecessary { session: SESSION, has_cookie })
}

fn complete(has_cookie: bool) -> Action {
    Action::Notify(Notification::FailoverComplete { session: SESSION, has_cookie })
}
