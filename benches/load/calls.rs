//! How long the registrar's core keeps everything else waiting: the longest single call of what grows with the handlespace.

use crate::scale::Scale;
use crate::table::row;
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::driver::clock;
use rserpool::message::enrp::{HandleTableRequest, HandleUpdate, Presence, TakeoverServer, UpdateAction};
use rserpool::message::{AsapMessage, EnrpMessage, asap};
use rserpool::registrar::{Action, Event, Link, Registrar, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::net::IpAddr;
use std::time::Duration;

/// Elements for each of the associations of a scale: 100 000 in full.
const TIMES: usize = 10;
const POOL_SIZE: u32 = 100;
const OTHER: RegistrarId = RegistrarId(5);
const THIRD: RegistrarId = RegistrarId(6);
/// Measurements of each call; the shortest counts, as the others were interrupted.
const ROUNDS: usize = 5;

pub fn run(scale: Scale) {
    let elements = (scale.associations * scale.elements_each * TIMES) as u32;
    let rounds = if scale.repetitions > 1 { ROUNDS } else { 1 };
    println!("\nthe longest call of the core: {elements} elements in pools of {POOL_SIZE}");
    let best = |measure: &dyn Fn() -> Vec<Duration>| {
        let all: Vec<Vec<Duration>> = (0..rounds).map(|_| measure()).collect();
        let of_call = |call: usize| all.iter().filter_map(|round| round.get(call)).min().copied().unwrap_or_default();
        let calls = all.iter().map(Vec::len).max().unwrap_or(0);
        let longest = (0..calls).map(of_call).max().unwrap_or_default();
        (calls, format!("{:.2}", longest.as_secs_f64() * 1e3))
    };
    let (pages, longest) = best(&|| pages(elements));
    row(&format!("a page of the handle table, of {pages}, ms"), &longest);
    let (_, longest) = best(&|| told_of_takeover(elements));
    row("hearing that all elements have another home, ms", &longest);
    let (calls, longest) = best(&|| takeover(elements));
    row(&format!("taking over a registrar with all of them, {calls} calls, ms"), &longest);
    let users = (elements / 2).min(60_000);
    let (calls, longest) = best(&|| updates(users));
    row(&format!("an update to {users} subscribers, {calls} calls, ms"), &longest);
}

/// A registrar with two others as peers, and nothing else.
struct World {
    registrar: Registrar,
    actions: Vec<Action>,
    now: Time,
}

fn enrp(number: u64) -> AssociationId {
    AssociationId::new(1, number)
}

impl World {
    fn new() -> World {
        let config = RegistrarConfig { id: RegistrarId(9), announce: false, ..RegistrarConfig::default() };
        let registrar = Registrar::new(config.validated().expect("settings that can work"), 1, Time::ZERO);
        let mut world = World { registrar, actions: Vec::new(), now: Time::from_secs(1) };
        for (number, sender) in [(1, OTHER), (2, THIRD)] {
            let address = PeerAddress::new(IpAddr::from([10, 0, 0, number]), PORT_ENRP);
            let association = enrp(u64::from(number));
            world.up(Link::Enrp, association, Peer { address, inbound: true, kind: TransportKind::Memory });
            let (receiver, reply_required) = (RegistrarId(0), false);
            let presence = Presence { sender, receiver, reply_required, checksum: None, server_information: None };
            world.enrp(association, &EnrpMessage::Presence(presence));
        }
        world
    }

    fn handle(&mut self, event: Event<'_>) -> Duration {
        self.actions.clear();
        let begin = clock::now();
        self.registrar.handle(self.now, event, &mut self.actions);
        clock::now().saturating_since(begin)
    }

    fn up(&mut self, link: Link, association: AssociationId, peer: Peer) {
        self.handle(Event::AssociationUp { link, association, attempt: None, peer });
    }

    fn enrp(&mut self, association: AssociationId, message: &EnrpMessage) -> Duration {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("a short message");
        self.handle(Event::Message { association, ppid: PPID_ENRP, bytes: &bytes })
    }

    /// Elements of the other registrar, each behind an ASAP transport of its own.
    fn with_elements(elements: u32) -> World {
        let mut world = World::new();
        for number in 0..elements {
            let update = HandleUpdate {
                sender: OTHER,
                receiver: RegistrarId(0),
                takeover_suggested: false,
                action: UpdateAction::AddPoolElement,
                pool_handle: pool_handle(number),
                pool_element: element(number),
            };
            world.enrp(enrp(1), &EnrpMessage::HandleUpdate(update));
        }
        assert_eq!(world.registrar.handlespace().element_count(), elements as usize);
        world
    }

    /// Everything that is due soon, call by call, until `owner` is home of so many.
    fn until_owned(&mut self, calls: &mut Vec<Duration>, owner: RegistrarId, elements: u32) {
        while self.registrar.handlespace().count_of_owner(owner) < elements as usize {
            self.now = self.registrar.next_deadline().expect("it is going on").max(self.now);
            calls.push(self.handle(Event::Timeout));
            assert!(calls.len() <= elements as usize, "it goes on and on");
        }
    }
}

fn pool_handle(number: u32) -> PoolHandle {
    PoolHandle::from(format!("pool-{}", number / POOL_SIZE).as_str())
}

fn element(number: u32) -> PoolElement {
    let [_, a, b, c] = number.to_be_bytes();
    let transport = |port| TransportParameter::Sctp {
        port,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[IpAddr::from([10, 1 + a, b, c])]),
    };
    PoolElement {
        id: PoolElementId(number + 1),
        home_registrar: OTHER,
        registration_life: RegistrationLife::INFINITE,
        user_transport: transport(5000),
        policy: Policy::RoundRobin,
        asap_transport: Some(transport(6000)),
    }
}

fn pages(elements: u32) -> Vec<Duration> {
    let mut world = World::with_elements(elements);
    let request = HandleTableRequest { sender: OTHER, receiver: RegistrarId(9), own_children_only: false };
    let request = EnrpMessage::HandleTableRequest(request);
    let mut calls = Vec::new();
    loop {
        calls.push(world.enrp(enrp(1), &request));
        let more = world.actions.iter().any(|action| match action {
            // The M bit.
            Action::Send { bytes, .. } => bytes.first() == Some(&3) && bytes.get(1) == Some(&2),
            _ => false,
        });
        if !more {
            return calls;
        }
    }
}

fn told_of_takeover(elements: u32) -> Vec<Duration> {
    let mut world = World::with_elements(elements);
    let message = TakeoverServer { sender: THIRD, receiver: RegistrarId(0), target: OTHER };
    let mut calls = vec![world.enrp(enrp(2), &EnrpMessage::TakeoverServer(message))];
    world.until_owned(&mut calls, THIRD, elements);
    calls
}

fn takeover(elements: u32) -> Vec<Duration> {
    let mut world = World::with_elements(elements);
    world.handle(Event::AssociationLost { association: enrp(2), reason: LossReason::Aborted(String::new()) });
    refuse_connects(&mut world);
    let lost = Event::AssociationLost { association: enrp(1), reason: LossReason::Aborted(String::new()) };
    let mut calls = vec![world.handle(lost)];
    calls.extend(refuse_connects(&mut world));
    world.until_owned(&mut calls, RegistrarId(9), elements);
    calls
}

/// Nobody can be reached at the addresses of registrars.
fn refuse_connects(world: &mut World) -> Vec<Duration> {
    let attempts = world.actions.iter().filter_map(|action| match action {
        Action::Connect { attempt, link: Link::Enrp, .. } => Some(*attempt),
        _ => None,
    });
    let attempts: Vec<_> = attempts.collect();
    let refuse = |attempt| world.handle(Event::ConnectFailed { attempt, reason: LossReason::Refused });
    attempts.into_iter().map(refuse).collect()
}

fn updates(users: u32) -> Vec<Duration> {
    let mut world = World::with_elements(POOL_SIZE);
    let question = asap::HandleResolution { subscribe: true, pool_handle: pool_handle(0), items: None };
    let mut bytes = Vec::new();
    AsapMessage::HandleResolution(question).encode(&mut bytes).expect("a short message");
    for number in 0..users {
        let [_, a, b, c] = number.to_be_bytes();
        let (association, address) = (AssociationId::new(0, u64::from(number)), IpAddr::from([10, 200 + a, b, c]));
        let peer = Peer { address: PeerAddress::new(address, 4000), inbound: true, kind: TransportKind::Memory };
        world.up(Link::Asap, association, peer);
        world.handle(Event::Message { association, ppid: PPID_ASAP, bytes: &bytes });
    }
    let changed = HandleUpdate {
        sender: OTHER,
        receiver: RegistrarId(0),
        takeover_suggested: false,
        action: UpdateAction::DeletePoolElement,
        pool_handle: pool_handle(0),
        pool_element: element(0),
    };
    world.enrp(enrp(1), &EnrpMessage::HandleUpdate(changed));
    let mut calls = Vec::new();
    world.now += RegistrarConfig::default().subscription_delay;
    while world.registrar.next_deadline().is_some_and(|at| at <= world.now) {
        calls.push(world.handle(Event::Timeout));
    }
    assert_eq!(world.registrar.statistics().updates_sent, u64::from(users));
    calls
}
