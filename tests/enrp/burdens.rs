//! What others cost a registrar, and what a registrar costs others: budgets for each source, and packets to places that somebody named.

use crate::support::enrp::*;
use crate::support::log_lines::{lines_of, only_line};
use log::Level;
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::message::enrp::*;
use rserpool::message::{AsapMessage, EnrpMessage, asap};
use rserpool::registrar::{Action, ConnectAttempt, Event, Link, Registrar, RegistrarConfig};
use rserpool::security::access::AccessPolicy;
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A registrar alone with its timers: what it sends is kept, and its connects fail when their time is over.
struct Alone {
    registrar: Registrar,
    now: Time,
    associations: u64,
    sent: Vec<(Time, AssociationId, Vec<u8>)>,
    connects: Vec<PeerAddress>,
    failing: VecDeque<(Time, ConnectAttempt)>,
    /// Why connects fail; what is no timeout, shows at once.
    reason: LossReason,
}

impl Alone {
    fn new(config: RegistrarConfig) -> Alone {
        let registrar = Registrar::new(config.validated().expect("settings that can work"), 3, Time::ZERO);
        let (sent, connects, failing) = (Vec::new(), Vec::new(), VecDeque::new());
        let reason = LossReason::Timeout;
        Alone { registrar, now: Time::ZERO, associations: 0, sent, connects, failing, reason }
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut actions = Vec::new();
        self.registrar.handle(self.now, event, &mut actions);
        for action in actions {
            match action {
                Action::Send { association, bytes } => self.sent.push((self.now, association, bytes)),
                Action::Connect { attempt, peer, timeout, .. } => {
                    self.connects.push(peer);
                    let time = if self.reason == LossReason::Timeout { timeout } else { Duration::ZERO };
                    self.failing.push_back((self.now + time, attempt));
                }
                _ => {}
            }
        }
    }

    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let failing = self.failing.front().map(|(at, _)| *at);
            let next = [failing, self.registrar.next_deadline()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if failing.is_some_and(|at| at <= self.now) {
                let (_, attempt) = self.failing.pop_front().expect("there is one");
                let reason = self.reason.clone();
                self.handle(Event::ConnectFailed { attempt, reason });
            } else {
                self.handle(Event::Timeout);
            }
        }
        self.now = end;
    }

    fn up(&mut self, link: Link, address: PeerAddress) -> AssociationId {
        self.associations += 1;
        let association = AssociationId::new(0, self.associations);
        let peer = Peer { address, inbound: true, kind: TransportKind::Memory };
        self.handle(Event::AssociationUp { link, association, attempt: None, peer });
        association
    }

    fn enrp(&mut self, association: AssociationId, message: impl Into<EnrpMessage>) {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        self.handle(Event::Message { association, ppid: PPID_ENRP, bytes: &bytes });
    }

    /// Somebody comes from there and introduces himself.
    fn introduce(&mut self, address: IpAddr, id: RegistrarId) -> AssociationId {
        let association = self.up(Link::Enrp, PeerAddress::new(address, PORT_ENRP));
        self.enrp(association, presence(id, address));
        association
    }

    /// Somebody registers so many elements.
    fn with_elements(mut self, count: u32) -> Alone {
        let association = self.up(Link::Asap, PeerAddress::new(element_ip(0), 40_000));
        for id in 1..=count {
            let pool_element = element(id, RegistrarId(0), element_ip(0), 40_000);
            let pool_handle = PoolHandle::from("pool");
            let message = asap::Registration { pool_handle, pool_element, life_in_seconds: None };
            let mut bytes = Vec::new();
            AsapMessage::from(message).encode(&mut bytes).expect("encodable");
            self.handle(Event::Message { association, ppid: PPID_ASAP, bytes: &bytes });
        }
        self.run(Duration::from_millis(100)); // so many at once wait for each other
        assert_eq!(self.registrar.handlespace().element_count(), count as usize);
        self.sent.clear();
        self
    }

    /// The pages that an association got since the last look, and when.
    fn pages(&mut self, to: AssociationId) -> Vec<(Time, HandleTableResponse)> {
        let (own, others): (Vec<_>, _) = self.sent.drain(..).partition(|(_, association, _)| *association == to);
        self.sent = others;
        let page = |(at, _, bytes): (Time, AssociationId, Vec<u8>)| match EnrpMessage::decode(&bytes) {
            Ok(Decoded { message: EnrpMessage::HandleTableResponse(page), .. }) => Some((at, page)),
            _ => None,
        };
        own.into_iter().filter_map(page).collect()
    }
}

fn presence(id: RegistrarId, address: IpAddr) -> Presence {
    let information = ServerInformation { id, transport: sctp(address, PORT_ENRP) };
    Presence { sender: id, server_information: Some(information), ..script_presence(false, Some(0xffff)) }
}

fn element(id: u32, home: RegistrarId, at: IpAddr, asap_port: u16) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: home,
        registration_life: RegistrationLife(3_000_000),
        user_transport: sctp(at, 5000),
        policy: Policy::RoundRobin,
        asap_transport: Some(sctp(at, asap_port)),
    }
}

fn addition(sender: RegistrarId, pool_element: PoolElement) -> HandleUpdate {
    let (receiver, pool_handle) = (RegistrarId(0), PoolHandle::from("pool"));
    let action = UpdateAction::AddPoolElement;
    HandleUpdate { sender, receiver, takeover_suggested: false, action, pool_handle, pool_element }
}

fn table_request(sender: RegistrarId) -> HandleTableRequest {
    HandleTableRequest { sender, receiver: RegistrarId(0), own_children_only: false }
}

#[test]
fn sec_a_host_where_nobody_is_gets_few_connects_whatever_a_dead_registrar_has_said() {
    let mut net = Net::of(2, config);
    let living = net.add_element("pool", 9_000, Policy::RoundRobin);
    let script = net.script_joins(0);
    let victim = IpAddr::from([192, 0, 2, 1]);
    for number in 0..2000u16 {
        net.script_sends(script, addition(SCRIPT, element(1 + u32::from(number), SCRIPT, victim, 20_000 + number)));
    }
    net.script_sends(script, addition(SCRIPT, element(9_000, SCRIPT, element_ip(living), 40_000)));
    assert_eq!(net.view(0).len(), 2001);
    let before = net.connects;
    (net.script_listens, net.script_answers) = (false, false);
    net.script_leaves(script);
    net.run(200 * SECOND);
    let homes: Vec<_> = net.view(0).into_iter().collect();
    assert_eq!(homes.len(), 1, "only the living one is left: {homes:?}");
    assert!(homes[0].0.1 == 9_000 && homes[0].1 != SCRIPT, "{homes:?}");
    let connects = net.connects - before;
    // Some more are under way while the last ones fail. The dead registrar is looked for, too.
    assert!(connects < 256 + 64 + 100, "{connects} connects");
}

/// A registrar is gone, and connects to the places of its elements fail for this reason. Whether an element there is still listed after a
/// minute, and how often it was tried.
fn a_minute_without_connects(reason: LossReason) -> (Alone, bool, usize) {
    let mut alone = Alone::new(config(0, &[]));
    let peer = alone.introduce(script_ip(), SCRIPT);
    alone.enrp(peer, addition(SCRIPT, element(1, SCRIPT, element_ip(1), 40_000)));
    alone.reason = reason;
    alone.handle(Event::AssociationLost { association: peer, reason: LossReason::Unreachable });
    alone.run(60 * SECOND);
    let is_listed = alone.registrar.handlespace().element_count() == 1;
    let tried = alone.connects.iter().filter(|place| place.addresses.contains(&element_ip(1))).count();
    (alone, is_listed, tried)
}

/// What the host of a registrar lacks says nothing about the elements that it takes over.
#[test]
fn an_element_is_not_taken_for_dead_because_this_host_lacks_something_to_connect_with_it() {
    for reason in [LossReason::NoMemory, LossReason::NoDescriptor, LossReason::TooManyAssociations] {
        let (mut alone, is_listed, tried) = a_minute_without_connects(reason.clone());
        assert!(is_listed, "{reason}");
        assert!((2..=150).contains(&tried), "now and then, but {tried} times");
        let attempt = loop {
            // Until a connect begins, which succeeds.
            alone.failing.clear();
            alone.now = alone.registrar.next_deadline().expect("it is tried again");
            alone.connects.clear();
            alone.handle(Event::Timeout);
            if alone.connects.iter().any(|place| place.addresses.contains(&element_ip(1))) {
                break alone.failing.pop_back().map(|(_, attempt)| attempt);
            }
        };
        let (address, inbound) = (PeerAddress::new(element_ip(1), 40_000), false);
        let (association, peer) = (AssociationId::new(1, 1), Peer { address, inbound, kind: TransportKind::Memory });
        alone.handle(Event::AssociationUp { link: Link::Asap, association, attempt, peer });
        assert!(alone.sent.iter().any(|(_, to, _)| *to == association), "it is asked whether it lives: {reason}");
    }
}

#[test]
fn an_element_that_refuses_for_another_reason_than_its_absence_is_tried_again_some_times() {
    let (_, is_listed, tried) = a_minute_without_connects(LossReason::Aborted("no room".into()));
    assert_eq!((is_listed, tried), (false, 4));
    let (_, is_listed, tried) = a_minute_without_connects(LossReason::Refused);
    assert_eq!((is_listed, tried), (false, 1));
}

#[test]
fn sec_addresses_that_somebody_once_came_from_are_tried_in_turn_and_not_all_the_time() {
    let mut alone = Alone::new(config(0, &[]));
    let associations: Vec<_> =
        (0..200).map(|n| alone.introduce(element_ip(n), RegistrarId(0x10_000 + n as u32))).collect();
    for _ in 0..50 {
        alone.run(10 * SECOND);
        for (number, association) in associations.iter().enumerate() {
            alone.enrp(*association, presence(RegistrarId(0x10_000 + number as u32), element_ip(number)));
        }
    }
    assert_eq!((alone.registrar.peers().count(), alone.connects.len()), (200, 0));
    for association in associations {
        alone.handle(Event::AssociationLost { association, reason: LossReason::Unreachable });
    }
    alone.run(600 * SECOND);
    // One attempt at each at once, then 32 in ten seconds; each of them waits for its own end, too.
    assert!((200..200 + 60 * 40).contains(&alone.connects.len()), "{} connects", alone.connects.len());
}

#[test]
fn a_registrar_that_comes_back_by_itself_under_another_identifier_is_not_sought_under_the_old_one() {
    let mut alone = Alone::new(config(0, &[1]));
    let (old, new) = (RegistrarId(0x77), RegistrarId(0x78));
    let before = alone.introduce(registrar_ip(1), old);
    alone.run(20 * SECOND);
    alone.handle(Event::AssociationLost { association: before, reason: LossReason::Restarted });
    let after = alone.introduce(registrar_ip(1), new);
    alone.run(10 * SECOND);
    alone.connects.clear();
    for _ in 0..20 {
        alone.run(10 * SECOND);
        alone.enrp(after, presence(new, registrar_ip(1)));
    }
    assert_eq!(alone.registrar.peers().map(|peer| peer.id).collect::<Vec<_>>(), [new]);
    assert_eq!(alone.connects, [], "nobody is sought where somebody is");
}

#[test]
fn sec_downloads_of_who_is_no_peer_leave_places_and_time_to_peers() {
    let settings = RegistrarConfig { max_handle_table_page: 5200, max_handle_table_sessions: 4, ..config(0, &[]) };
    let mut alone = Alone::new(settings).with_elements(200);
    let strangers: Vec<_> = (1..=3).map(|n| alone.up(Link::Enrp, PeerAddress::new(element_ip(n), PORT_ENRP))).collect();
    let peer = alone.introduce(script_ip(), SCRIPT);
    for (number, stranger) in strangers.iter().enumerate() {
        alone.enrp(*stranger, table_request(RegistrarId(0x60 + number as u32)));
    }
    assert!(
        strangers.iter().all(|stranger| alone.pages(*stranger).is_empty()),
        "they wait until nobody else wants anything"
    );
    alone.run(SECOND);
    let got: Vec<_> = strangers.iter().filter_map(|stranger| alone.pages(*stranger).pop()).collect();
    assert_eq!(got.iter().map(|(_, page)| page.reject).collect::<Vec<_>>(), [false, false, true], "half of four");
    assert!(got.windows(2).all(|two| two[1].0 > two[0].0), "with pauses");
    alone.enrp(peer, table_request(SCRIPT));
    assert!(alone.pages(peer).pop().is_some_and(|(_, page)| page.more), "a peer has its place, and waits for nothing");
}

#[test]
fn sec_pages_for_who_is_no_peer_are_short() {
    let mut alone = Alone::new(config(0, &[])).with_elements(500);
    let stranger = alone.up(Link::Enrp, PeerAddress::new(element_ip(1), PORT_ENRP));
    let mut elements = 0;
    loop {
        alone.enrp(stranger, table_request(RegistrarId(0x61)));
        alone.run(Duration::from_millis(2));
        let (_, page) = alone.pages(stranger).pop().expect("a page");
        let message = EnrpMessage::HandleTableResponse(page.clone());
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("it fits");
        assert!(bytes.len() <= 5 << 10, "{} bytes, for which users would wait", bytes.len());
        elements += page.entries.iter().map(|entry| entry.pool_elements.len()).sum::<usize>();
        if !page.more {
            break;
        }
    }
    assert_eq!(elements, 500);
}

#[test]
fn sec_a_source_gets_so_many_pages_and_others_still_get_theirs() {
    let mut alone = Alone::new(config(0, &[])).with_elements(1);
    let greedy = alone.up(Link::Enrp, PeerAddress::new(element_ip(1), PORT_ENRP));
    let other = alone.up(Link::Enrp, PeerAddress::new(element_ip(2), PORT_ENRP));
    let mut got = 0;
    for _ in 0..10_000 {
        alone.enrp(greedy, table_request(RegistrarId(0x61)));
        alone.run(Duration::from_micros(600));
        got += alone.pages(greedy).iter().filter(|(_, page)| !page.reject).count();
    }
    let refilled = 64 * 6;
    assert!((8192..=8192 + refilled + 1).contains(&got), "{got} pages in 6 s");
    alone.enrp(other, table_request(RegistrarId(0x62)));
    alone.run(Duration::from_millis(60));
    assert_eq!(alone.pages(other).len(), 1);
}

#[test]
fn sec_a_list_is_refused_where_no_rule_allows_it_and_given_where_one_does() {
    let rules = format!("allow plain register\nallow plain list from={}\n", element_ip(1));
    let access = Some(Arc::new(AccessPolicy::parse(&rules).expect("rules")));
    let mut alone = Alone::new(RegistrarConfig { access, ..config(0, &[]) }).with_elements(1);
    let refused = [1, 2].map(|host| {
        let observer = alone.up(Link::Enrp, PeerAddress::new(element_ip(host), PORT_ENRP));
        alone.enrp(observer, table_request(RegistrarId(0x61)));
        alone.run(SECOND);
        alone.pages(observer).pop().map(|(_, page)| (page.reject, page.entries.len()))
    });
    assert_eq!(refused, [Some((false, 1)), Some((true, 0))]);
}

#[test]
fn an_element_that_a_peer_adds_has_a_line_and_one_that_is_known_has_none() {
    let mut net = Net::of(1, config);
    let script = net.script_joins(0);
    let lines = lines_of(|| {
        for _ in 0..3 {
            net.script_sends(script, addition(SCRIPT, element(7, SCRIPT, element_ip(3), 40_000)));
        }
    });
    let (level, line) = only_line(&lines, &["0x00000007", "is added by", "pool", "SCTP {10.1.0.4}:5000"]);
    assert!(*level == Level::Info && line.contains("0x0000005c"), "{line}");
}
