//! Checksums and re-synchronisation (RFC 5353 section 3.6).

use super::*;

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
