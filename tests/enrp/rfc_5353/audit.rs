//! Checksums and re-synchronisation (RFC 5353 section 3.6).

use super::*;
use rserpool::AssociationId;
use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::registrar::{Action, Link};

#[test]
fn enrp_101_to_105_110_to_117_a_checksum_that_differs_makes_the_registrar_download_the_peers_elements() {
    let (mut net, association) = with_script(config(0, &[]));
    for id in 1..4 {
        net.script_sends(association, addition("pool", element_of_script(id)));
    }
    net.run(5 * SECOND);
    net.got.clear();
    let expected = checksum_of(&[("pool", 2), ("pool", 3), ("pool", 4)]);
    net.script_sends(association, script_presence(false, Some(checksum_of(&[("pool", 1), ("pool", 2), ("pool", 3)]))));
    assert!(!has(&net.take_got(), &own_table_request()), "equal");
    net.script_sends(association, script_presence(false, Some(expected)));
    assert!(has(&net.take_got(), &own_table_request()));
    let replaced = PoolElement { registration_life: RegistrationLife(77), ..element_of_script(2) };
    net.script_sends(association, table(true, vec![("pool", vec![replaced.clone(), element_of_script(3)])]));
    assert_eq!(net.take_got(), [own_table_request()], "M bit: the next page");
    assert_eq!(net.view(0).len(), 3, "nothing is removed before the last page");
    net.script_sends(association, table(false, vec![("pool", vec![element_of_script(4)])]));
    assert_eq!(net.view(0).keys().map(|(_, id)| *id).collect::<Vec<_>>(), [2, 3, 4]);
    let handlespace = net.registrar(0).handlespace();
    let index = handlespace.find(&PoolHandle::from("pool"), PoolElementId(2)).unwrap();
    assert_eq!(handlespace.element(index).unwrap().pool_element(), replaced);
    assert_eq!(handlespace.checksum_of_owner(SCRIPT).value(), expected, "ENRP-109");
    net.script_sends(association, script_presence(false, Some(expected)));
    assert!(!has(&net.take_got(), &own_table_request()));
}

#[test]
fn an_audit_without_an_answer_or_with_a_rejection_is_tried_again_and_removes_nothing() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.run(5 * SECOND);
    for reject in [false, true] {
        net.got.clear();
        net.script_sends(association, script_presence(false, Some(0x1111)));
        assert!(has(&net.take_got(), &own_table_request()));
        if reject {
            net.script_sends(association, rejected_table());
        }
        net.run(3 * SECOND);
        net.script_sends(association, script_presence(false, Some(0x1111)));
        assert!(!has(&net.take_got(), &own_table_request()), "one at a time");
        net.script_checksum = Some(0x1111);
        net.run(20 * SECOND);
        assert!(has(&net.take_got(), &own_table_request()), "the peer has been asked for its checksum again");
        assert_eq!(net.view(0).len(), 1);
        net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
        net.script_checksum = Some(checksum_of(&[("pool", 1)]));
        net.script_sends(association, script_presence(false, net.script_checksum));
        net.run(700 * SECOND);
    }
}

#[test]
fn a_table_that_nobody_asked_for_is_ignored() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
    assert_eq!(net.view(0).len(), 0);
}

#[test]
fn what_is_heard_of_an_element_during_the_audit_is_newer_than_the_table() {
    let mut net = Net::of(2, config);
    let association = net.script_joins(0);
    net.script_sends(association, addition("pool", element_of_script(1)));
    net.run(5 * SECOND);
    net.script_sends(association, script_presence(false, Some(0x1111)));
    // It registers with registrar 1, while the page that still has it is under way.
    let element = net.add_element("pool", 1, Policy::RoundRobin);
    net.register_at(element, 1);
    net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
    assert_eq!(net.home_at(0, "pool", 1), Some(id_of(1)));
}

#[test]
fn audits_that_do_not_help_become_rare() {
    let (mut net, _) = with_script(fast(0, &[]));
    net.script_checksum = Some(0x2222);
    net.script_answers = true;
    for _ in 0..600 {
        net.run(millis(100));
        let asked: Vec<_> = net.got.drain(..).filter(|(_, message)| *message == own_table_request()).collect();
        let association = net.script_association().expect("it is connected");
        if asked.is_empty() {
            net.script_sends(association, script_presence(false, Some(0x2222)));
        } else {
            net.script_sends(association, table(false, vec![("pool", vec![element_of_script(1)])]));
        }
    }
    let audits = net.registrar(0).statistics().audits;
    assert!((3..12).contains(&audits), "{audits} in a minute");
}

/// A registrar and a peer that has two associations with it, as when both have connected; without a network, which keeps one.
struct Twice {
    registrar: Registrar,
    now: Time,
}

impl Twice {
    const FIRST: AssociationId = AssociationId::new(1, 1);
    const SECOND: AssociationId = AssociationId::new(1, 2);

    fn new() -> Twice {
        let registrar = Registrar::new(config(0, &[]).validated().expect("settings that can work"), 1, Time::ZERO);
        let mut twice = Twice { registrar, now: Time::from_secs(1) };
        for (association, port) in [(Twice::FIRST, 40_000), (Twice::SECOND, PORT_ENRP)] {
            let address = PeerAddress::new(script_ip(), port);
            let peer = Peer { address, inbound: true, kind: TransportKind::Memory };
            twice.event(Event::AssociationUp { link: Link::Enrp, association, attempt: None, peer });
            twice.gets(association, script_presence(false, None));
        }
        twice.gets(Twice::FIRST, addition("pool", weighted(1)));
        // It is awake all the time.
        for second in 2..=10 {
            twice.now = Time::from_secs(second);
            twice.event(Event::Timeout);
        }
        twice
    }

    fn event(&mut self, event: Event<'_>) -> Vec<(AssociationId, EnrpMessage)> {
        let mut actions = Vec::new();
        self.registrar.handle(self.now, event, &mut actions);
        let sent = actions.into_iter().filter_map(|action| match action {
            Action::Send { association, bytes } => {
                Some((association, EnrpMessage::decode(&bytes).expect("what a registrar sends").message))
            }
            _ => None,
        });
        sent.collect()
    }

    fn gets(
        &mut self,
        association: AssociationId,
        message: impl Into<EnrpMessage>,
    ) -> Vec<(AssociationId, EnrpMessage)> {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("a short message");
        self.event(Event::Message { association, ppid: PPID_ENRP, bytes: &bytes })
    }

    fn loses(&mut self, association: AssociationId) -> Vec<(AssociationId, EnrpMessage)> {
        self.event(Event::AssociationLost { association, reason: LossReason::Timeout })
    }

    fn element(&self) -> PoolElement {
        let handlespace = self.registrar.handlespace();
        let index = handlespace.find(&PoolHandle::from("pool"), PoolElementId(1)).expect("it is known");
        handlespace.element(index).expect("it is known").pool_element()
    }
}

fn weighted(weight: u32) -> PoolElement {
    PoolElement { policy: Policy::WeightedRoundRobin { weight }, ..element_of_script(1) }
}

fn asks_for_presence((association, message): &(AssociationId, EnrpMessage)) -> bool {
    *association == Twice::SECOND && matches!(message, EnrpMessage::Presence(p) if p.reply_required)
}

#[test]
fn what_was_under_way_when_one_of_two_associations_broke_is_asked_for_at_once() {
    let mut twice = Twice::new();
    // The peer has sent an update over the first one, which is lost. The policy has no part in the checksum.
    let sent = twice.loses(Twice::FIRST);
    assert!(sent.iter().any(asks_for_presence), "{sent:?}");
    let sent = twice.gets(Twice::SECOND, script_presence(false, Some(checksum_of(&[("pool", 1)]))));
    assert_eq!(sent, [(Twice::SECOND, own_table_request())], "though the checksums are equal");
    twice.gets(Twice::SECOND, table(false, vec![("pool", vec![weighted(9)])]));
    assert_eq!(twice.element(), weighted(9));
}

#[test]
fn the_loss_of_an_association_makes_another_audit_follow_the_one_that_is_under_way() {
    let mut twice = Twice::new();
    let sent = twice.gets(Twice::FIRST, script_presence(false, Some(0x1111)));
    assert_eq!(sent, [(Twice::FIRST, own_table_request())]);
    twice.loses(Twice::SECOND);
    let equal = script_presence(false, Some(checksum_of(&[("pool", 1)])));
    assert_eq!(twice.gets(Twice::FIRST, equal.clone()), [], "one at a time");
    twice.gets(Twice::FIRST, table(false, vec![("pool", vec![weighted(1)])]));
    assert_eq!(twice.gets(Twice::FIRST, equal), [(Twice::FIRST, own_table_request())], "for what came in between");
}
