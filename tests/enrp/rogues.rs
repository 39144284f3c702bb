//! Registrars that lie: about who they are, whose elements they speak of, who is dead, and where somebody is.

use crate::support::enrp::*;
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::message::asap::{EndpointUnreachable, Registration};
use rserpool::message::enrp::*;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::{Action, Event, Link, PeerState, Registrar, RegistrarConfig};
use rserpool::wire::*;
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::net::IpAddr;
use std::time::Duration;

const STRANGER: RegistrarId = RegistrarId(0x6666);

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// An element at the host of element `host`.
fn element(id: u32, home: RegistrarId, host: usize) -> PoolElement {
    PoolElement {
        id: PoolElementId(id),
        home_registrar: home,
        registration_life: RegistrationLife(3_000_000),
        user_transport: sctp(element_ip(host), 5000),
        policy: Policy::RoundRobin,
        asap_transport: Some(sctp(element_ip(host), 40_000)),
    }
}

fn update(
    sender: RegistrarId,
    action: UpdateAction,
    takeover_suggested: bool,
    pool_element: PoolElement,
) -> HandleUpdate {
    let (receiver, pool_handle) = (RegistrarId(0), PoolHandle::from("pool"));
    HandleUpdate { sender, receiver, takeover_suggested, action, pool_handle, pool_element }
}

fn addition(sender: RegistrarId, pool_element: PoolElement) -> HandleUpdate {
    update(sender, UpdateAction::AddPoolElement, false, pool_element)
}

fn removal(sender: RegistrarId, pool_element: PoolElement) -> HandleUpdate {
    update(sender, UpdateAction::DeletePoolElement, false, pool_element)
}

fn presence_of(sender: RegistrarId) -> Presence {
    let information = ServerInformation { id: sender, transport: sctp(script_ip(), PORT_ENRP) };
    Presence { sender, server_information: Some(information), ..script_presence(false, Some(0xffff)) }
}

fn init(sender: RegistrarId, target: RegistrarId) -> InitTakeover {
    InitTakeover { sender, receiver: RegistrarId(0), target }
}

fn taken(sender: RegistrarId, target: RegistrarId) -> TakeoverServer {
    TakeoverServer { sender, receiver: RegistrarId(0), target }
}

fn acks(messages: &[EnrpMessage]) -> usize {
    messages.iter().filter(|message| matches!(message, EnrpMessage::InitTakeoverAck(_))).count()
}

/// Two registrars, each of which is home of an element, and a scripted one that nobody knows.
fn pair(config: impl Fn(usize, &[usize]) -> RegistrarConfig) -> Net {
    let mut net = Net::of(2, config);
    net.element("pool", 1, 0);
    net.element("pool", 2, 1);
    net.script_answers = false;
    net
}

#[test]
fn c_enrp_a_stranger_changes_nothing_and_has_nothing_sent_to_anybody() {
    let mut net = pair(config);
    let before = net.view(0);
    let association = net.script_connects(0);
    net.keep_alives.clear();
    let of_another = element(2, id_of(1), 1);
    net.script_sends(association, addition(STRANGER, element(3, STRANGER, 2)));
    net.script_sends(association, update(STRANGER, UpdateAction::AddPoolElement, true, element(1, STRANGER, 0)));
    net.script_sends(association, removal(STRANGER, of_another.clone()));
    net.script_sends(association, removal(STRANGER, element(1, id_of(0), 0)));
    net.script_sends(association, init(STRANGER, id_of(1)));
    net.script_sends(association, taken(STRANGER, id_of(1)));
    net.script_sends(association, taken(STRANGER, id_of(0)));
    net.run(10 * SECOND);
    assert_eq!(net.view(0), before);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
    assert_eq!(net.registrar(0).statistics().strangers_refused, 7);
    assert_eq!(net.registrar(0).statistics().reports, 0);
    assert!(net.keep_alives.iter().all(|(_, asked)| !asked.home), "no element was claimed");
    assert_eq!(acks(&net.take_got()), 0);
    net.assert_converged();
}

#[test]
fn c_enrp_a_stranger_may_ask() {
    let mut net = pair(config);
    let association = net.script_connects(0);
    let (sender, receiver) = (STRANGER, id_of(0));
    net.script_sends(association, HandleTableRequest { sender, receiver, own_children_only: false });
    net.script_sends(association, ListRequest { sender, receiver });
    let got = net.take_got();
    assert!(got.iter().any(|m| matches!(m, EnrpMessage::HandleTableResponse(table) if !table.entries.is_empty())));
    assert!(got.iter().any(|m| matches!(m, EnrpMessage::ListResponse(list) if !list.reject)));
}

#[test]
fn c_enrp_nobody_speaks_for_a_living_registrar_from_another_place() {
    let mut net = pair(config);
    let association = net.script_connects(0);
    let updates = net.registrar(0).statistics().handle_updates_received;
    for _ in 0..10 {
        net.script_sends(association, removal(id_of(1), element(2, id_of(1), 1)));
        net.script_sends(association, presence_of(id_of(1)));
        net.run(3 * SECOND);
    }
    assert_eq!(net.home_at(0, "pool", 2), Some(id_of(1)));
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
    assert_eq!(net.registrar(0).statistics().handle_updates_received, updates);
}

#[test]
fn a_registrar_that_has_moved_has_its_identifier_again_when_nobody_answers_at_the_old_place() {
    let mut net = pair(config);
    net.freeze(1);
    net.script_answers = true;
    let association = net.script_connects(0);
    net.run(6 * SECOND);
    for _ in 0..8 {
        net.script_sends(association, presence_of(id_of(1)));
        net.run(SECOND);
    }
    let peer = net.registrar(0).peers().find(|peer| peer.id == id_of(1)).expect("it is a peer");
    assert_eq!(peer.address.expect("known").addresses[0], script_ip());
}

#[test]
fn a_registrar_of_the_settings_has_its_identifier_back_from_a_stranger() {
    let mut net = Net::default();
    net.start(config(0, &[1]));
    let association = net.script_connects(0);
    net.script_sends(association, presence_of(id_of(1)));
    assert_eq!(net.registrar(0).peers().next().unwrap().address.unwrap().addresses[0], script_ip());
    net.start(config(1, &[0]));
    net.run(20 * SECOND);
    let peer = net.registrar(0).peers().next().expect("a peer");
    assert_eq!((peer.id, peer.address.unwrap().addresses[0]), (id_of(1), registrar_ip(1)));
}

#[test]
fn peers_only_takes_those_of_the_settings_and_no_others() {
    let mut net = Net::of(2, |number, peers| RegistrarConfig { peers_only: true, ..config(number, peers) });
    net.element("pool", 1, 0);
    let association = net.script_joins(0);
    net.script_sends(association, addition(SCRIPT, element(3, SCRIPT, 2)));
    net.run(40 * SECOND);
    assert!(!net.registrar(0).peers().any(|peer| peer.id == SCRIPT || Some(script_ip()) == first_ip(&peer)));
    assert_eq!(net.view(0).len(), 1);
    assert!(net.registrar(0).statistics().strangers_refused >= 2);
    assert!(presences(&net).iter().all(|presence| !presence.reply_required), "nor is it asked to be one");
    net.assert_converged();
}

fn first_ip(peer: &rserpool::registrar::PeerInfo) -> Option<std::net::IpAddr> {
    peer.address.as_ref().and_then(|address| address.addresses.first().copied())
}

fn presences(net: &Net) -> Vec<Presence> {
    let presence = |message: &EnrpMessage| {
        if let EnrpMessage::Presence(presence) = message { Some(presence.clone()) } else { None }
    };
    net.got.iter().filter_map(|(_, message)| presence(message)).collect()
}

/// A registrar, and others that come from wherever they like.
struct Flood {
    registrar: Registrar,
    associations: u64,
}

impl Flood {
    fn of(config: RegistrarConfig) -> Flood {
        let registrar = Registrar::new(config.validated().expect("settings that can work"), 3, Time::ZERO);
        Flood { registrar, associations: 0 }
    }

    /// Somebody connects.
    fn up(&mut self, link: Link, address: PeerAddress) -> AssociationId {
        self.associations += 1;
        let association = AssociationId::new(0, self.associations);
        let peer = Peer { address, inbound: true, kind: TransportKind::Memory };
        self.handle(Event::AssociationUp { link, association, attempt: None, peer });
        association
    }

    /// Somebody connects from there and introduces himself.
    fn introduce(&mut self, address: IpAddr, port: u16, id: RegistrarId) -> AssociationId {
        let association = self.up(Link::Enrp, PeerAddress::new(address, port));
        self.enrp(association, presence_of(id));
        association
    }

    /// A pool user connects.
    fn user(&mut self, number: usize) -> AssociationId {
        self.up(Link::Asap, PeerAddress::new(element_ip(number), 30_000))
    }

    fn asap(&mut self, association: AssociationId, message: impl Into<AsapMessage>) -> Vec<Action> {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        self.handle(Event::Message { association, ppid: PPID_ASAP, bytes: &bytes })
    }

    fn enrp(&mut self, association: AssociationId, message: impl Into<EnrpMessage>) -> Vec<Action> {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        self.handle(Event::Message { association, ppid: PPID_ENRP, bytes: &bytes })
    }

    fn handle(&mut self, event: Event<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.registrar.handle(Time::from_secs(1), event, &mut actions);
        actions
    }

    fn bad_reports(&self, id: u32) -> u32 {
        let handlespace = self.registrar.handlespace();
        let index = handlespace.find(&PoolHandle::from("pool"), PoolElementId(id)).expect("it is there");
        handlespace.element(index).expect("it is there").liveness().bad_reports()
    }

    fn knows(&self, id: RegistrarId) -> bool {
        self.registrar.peers().any(|peer| peer.id == id)
    }
}

#[test]
fn invented_identifiers_of_one_host_do_not_fill_the_list_of_peers() {
    let mut flood = Flood::of(config(0, &[1]));
    let network = |host: u32| IpAddr::from((0x2001_0db8_u128 << 96 | u128::from(host)).to_be_bytes());
    for number in 0..300u16 {
        flood.introduce(script_ip(), 5000 + number, RegistrarId(0x10_000 + u32::from(number)));
        flood.introduce(network(u32::from(number)), PORT_ENRP, RegistrarId(0x20_000 + u32::from(number)));
    }
    assert_eq!(flood.registrar.peers().count(), 2 * 16, "a host has all addresses of an IPv6 network");
    flood.introduce(registrar_ip(1), PORT_ENRP, id_of(1));
    flood.introduce(registrar_ip(2), PORT_ENRP, id_of(2));
    assert!(flood.knows(id_of(1)) && flood.knows(id_of(2)));
}

#[test]
fn places_of_registrars_of_the_settings_stay_free() {
    let mut flood = Flood::of(RegistrarConfig { max_peers: 8, ..config(0, &[1, 2]) });
    for number in 0..100 {
        flood.introduce(element_ip(number), PORT_ENRP, RegistrarId(0x10_000 + number as u32));
    }
    assert_eq!(flood.registrar.peers().count(), 6);
    for number in [1, 2] {
        flood.introduce(registrar_ip(number), PORT_ENRP, id_of(number));
        assert!(flood.knows(id_of(number)));
    }
}

fn unreachable(id: u32) -> EndpointUnreachable {
    EndpointUnreachable { pool_handle: PoolHandle::from("pool"), pool_element_id: PoolElementId(id) }
}

/// Whether a message to registrar `home` is among these that says that an element of its cannot be reached.
fn tells_home(actions: &[Action], home: RegistrarId) -> bool {
    actions.iter().any(|action| {
        let Action::Send { bytes, .. } = action else { return false };
        let message = EnrpMessage::decode(bytes).map(|decoded| decoded.message);
        matches!(message, Ok(EnrpMessage::HandleUpdate(update)) if update.pool_element.home_registrar == home
            && update.action == UpdateAction::DeletePoolElement)
    })
}

#[test]
fn a_evict_each_reporter_of_another_registrars_element_counts_once() {
    let mut flood = Flood::of(config(0, &[]));
    let peer = flood.introduce(script_ip(), PORT_ENRP, SCRIPT);
    flood.enrp(peer, addition(SCRIPT, element(7, SCRIPT, 200)));
    let user = flood.user(1);
    for _ in 0..50 {
        assert!(!tells_home(&flood.asap(user, unreachable(7)), SCRIPT), "one user is not more than MAX-BAD-PE-REPORT");
    }
    let told = [2, 3, 4].map(|number| {
        let user = flood.user(number);
        tells_home(&flood.asap(user, unreachable(7)), SCRIPT)
    });
    assert_eq!(told, [false, false, true]);
}

#[test]
fn a_evict_reports_end_when_an_element_gets_another_home_or_registers_there_again() {
    let mut flood = Flood::of(config(0, &[]));
    let peer = flood.introduce(script_ip(), PORT_ENRP, SCRIPT);
    let users = [1, 2, 3].map(|number| flood.user(number));
    let own = flood.user(200);
    for round in 0..3 {
        let registration = Registration {
            pool_handle: PoolHandle::from("pool"),
            pool_element: element(7, SCRIPT, 200),
            life_in_seconds: None,
        };
        if round == 1 {
            flood.asap(own, registration);
        } else {
            flood.enrp(peer, addition(SCRIPT, element(7, SCRIPT, 200)));
        }
        assert_eq!(flood.bad_reports(7), 0, "round {round}");
        for user in users {
            flood.asap(user, unreachable(7));
        }
    }
    assert!(!tells_home(&flood.asap(users[0], unreachable(7)), SCRIPT));
}

#[test]
fn elements_are_told_of_the_registrars_that_may_take_them_over() {
    let mut flood = Flood::of(config(0, &[]));
    let own = flood.user(200);
    let registration = Registration {
        pool_handle: PoolHandle::from("pool"),
        pool_element: element(7, SCRIPT, 200),
        life_in_seconds: None,
    };
    let told = |actions: Vec<Action>| -> Vec<RegistrarId> {
        let registrars = actions.iter().filter_map(|action| match action {
            Action::Send { bytes, .. } => match AsapMessage::decode(bytes).map(|decoded| decoded.message) {
                Ok(AsapMessage::RegistrationResponse(response)) => Some(response.registrars),
                Ok(AsapMessage::EndpointKeepAlive(message)) => Some(message.registrars),
                _ => None,
            },
            _ => None,
        });
        registrars.flatten().map(|registrar| registrar.id).collect()
    };
    assert_eq!(told(flood.asap(own, registration.clone())), []);
    flood.introduce(script_ip(), PORT_ENRP, SCRIPT);
    let user = flood.user(1);
    assert_eq!(told(flood.asap(user, unreachable(7))), [SCRIPT], "with the next keep-alive");
    assert_eq!(told(flood.asap(own, registration)), [SCRIPT], "and with each registration");
}

#[test]
fn a_peer_speaks_of_its_own_elements_only() {
    let mut net = pair(config);
    let association = net.script_joins(0);
    let before = net.view(0);
    net.script_sends(association, addition(SCRIPT, element(5, id_of(1), 1)));
    net.script_sends(association, addition(SCRIPT, element(6, STRANGER, 1)));
    net.script_sends(association, removal(SCRIPT, element(2, id_of(1), 1)));
    net.script_sends(association, removal(SCRIPT, element(2, SCRIPT, 1)));
    assert_eq!(net.view(0), before);
}

#[test]
fn c_enrp_a_living_registrar_is_not_taken_over_whatever_a_peer_says() {
    for config in [config, fast] {
        let mut net = pair(config);
        let association = net.script_joins(0);
        net.script_sends(association, init(SCRIPT, id_of(1)));
        net.script_sends(association, taken(SCRIPT, id_of(1)));
        net.run(20 * SECOND);
        assert_eq!(acks(&net.take_got()), 0);
        assert_eq!(net.home_at(0, "pool", 2), Some(id_of(1)));
        assert_eq!(net.state(1, 0), Some(PeerState::Active));
    }
}

#[test]
fn a_takeover_counts_as_soon_as_the_target_does_not_answer() {
    let mut net = pair(config);
    let association = net.script_joins(0);
    net.freeze(1);
    net.script_sends(association, taken(SCRIPT, id_of(1)));
    assert_eq!(net.home_at(0, "pool", 2), Some(id_of(1)));
    net.run(millis(5100));
    assert_eq!(net.home_at(0, "pool", 2), Some(SCRIPT));
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
}

#[test]
fn a_takeover_is_agreed_to_as_soon_as_the_last_association_with_the_target_breaks() {
    let mut net = pair(config);
    let association = net.script_joins(0);
    net.freeze(1);
    net.script_sends(association, init(SCRIPT, id_of(1)));
    assert_eq!(acks(&net.take_got()), 0);
    net.crash(1);
    net.run(millis(10));
    assert_eq!(acks(&net.take_got()), 1);
    net.script_sends(association, taken(SCRIPT, id_of(1)));
    assert_eq!(net.home_at(0, "pool", 2), Some(SCRIPT));
}

#[test]
fn suggestions_are_followed_only_where_that_is_wanted() {
    for follow_suggestions in [true, false] {
        let mut net = Net::default();
        net.start(RegistrarConfig { follow_suggestions, ..config(0, &[]) });
        let association = net.script_joins(0);
        let number = net.add_element("pool", 7, Policy::RoundRobin);
        net.script_sends(association, update(SCRIPT, UpdateAction::AddPoolElement, true, element(7, SCRIPT, number)));
        net.run(SECOND);
        assert_eq!(net.keep_alives.len(), usize::from(follow_suggestions));
    }
}

#[test]
fn a_peer_whose_suggestions_lead_to_nobody_has_only_so_many_followed() {
    let mut net = Net::default();
    net.start(RegistrarConfig { max_takeover_connects: 64, ..config(0, &[]) });
    let association = net.script_joins(0);
    let nowhere =
        |id: u32| PoolElement { asap_transport: Some(sctp(element_ip(200), id as u16)), ..element(id, SCRIPT, 200) };
    let suggest = |net: &mut Net, id| {
        let message = update(SCRIPT, UpdateAction::AddPoolElement, true, nowhere(id));
        net.script_sends(association, message);
    };
    let connects = net.connects;
    for id in 1..2000 {
        suggest(&mut net, id);
    }
    net.run(60 * SECOND);
    // 256 at once, four more a second, and those that are under way then.
    let begun = net.connects - connects;
    assert!((256..700).contains(&begun), "{begun} connects");
    assert!(net.registrar(0).statistics().rate_limited > 1000);
}

#[test]
fn forged_datagrams_do_not_hide_that_a_registrar_hangs() {
    let mut net = pair(fast);
    net.freeze(1);
    let forged = Presence { sender: id_of(1), ..script_presence(false, None) };
    for _ in 0..100 {
        net.datagram(registrar_ip(1), forged.clone());
        net.run(millis(20));
    }
    assert_eq!(net.home_at(0, "pool", 2), Some(id_of(0)));
}

#[test]
fn a_forged_datagram_ends_no_arbitration() {
    let mut net = pair(config);
    net.script_joins(0); // and never agrees to anything
    net.crash(1);
    net.run(SECOND);
    assert_eq!(net.registrar(0).statistics().takeovers_started, 1);
    let forged = Presence { sender: id_of(1), ..script_presence(false, None) };
    for _ in 0..10 {
        net.datagram(registrar_ip(1), forged.clone());
        net.run(SECOND);
    }
    net.run(SECOND);
    assert_eq!(net.home_at(0, "pool", 2), Some(id_of(0)));
}

#[test]
fn a_stranger_with_the_identifier_of_a_lost_registrar_does_not_keep_it_from_being_found() {
    let mut net = pair(config);
    net.crash(1);
    net.run(20 * SECOND);
    assert_eq!(net.state(1, 0), None);
    let association = net.script_connects(0);
    net.script_sends(association, ListRequest { sender: id_of(1), receiver: id_of(0) });
    net.restart(1, config(1, &[])); // it knows nobody: it has to be found
    net.run(30 * SECOND);
    assert_eq!(net.state(1, 0), Some(PeerState::Active));
}

/// What the host of a registrar lacks says nothing about the others.
#[test]
fn a_peer_is_not_taken_for_dead_because_there_is_no_memory_to_connect_with_it() {
    for (reason, is_there) in
        [(LossReason::NoMemory, true), (LossReason::NoDescriptor, true), (LossReason::Refused, false)]
    {
        let mut flood = Flood::of(config(0, &[1]));
        let association = flood.introduce(registrar_ip(1), PORT_ENRP, id_of(1));
        flood.handle(Event::AssociationLost { association, reason: LossReason::Unreachable });
        let connect = flood.handle(Event::Timeout).into_iter().find_map(|action| match action {
            Action::Connect { attempt, link: Link::Enrp, .. } => Some(attempt),
            _ => None,
        });
        let attempt = connect.expect("it is sought");
        let described = format!("{reason}");
        flood.handle(Event::ConnectFailed { attempt, reason });
        assert_eq!(flood.knows(id_of(1)), is_there, "{described}");
    }
}
