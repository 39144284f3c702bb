//! Being the mentor of others: downloads that are served (RFC 5353 sections 3.2.3 and 3.6.3).

use super::*;

#[test]
fn enrp_012_013_036_to_040_the_table_comes_in_pages_with_the_m_bit_on_all_but_the_last() {
    let (mut net, association) = with_script(RegistrarConfig { max_handle_table_page: 6000, ..config(0, &[]) });
    for number in 0..200 {
        net.element(&format!("pool {}", number % 7), number + 1, 0);
    }
    for own in [false, true] {
        net.got.clear();
        let mut found = std::collections::BTreeSet::new();
        for page in 1.. {
            net.script_sends(association, table_request(own));
            let response = tables(&net.take_got()).pop().expect("an answer");
            assert!(!response.reject && !response.entries.is_empty());
            for entry in &response.entries {
                assert!(!entry.pool_elements.is_empty());
                found.extend(entry.pool_elements.iter().map(|element| element.id));
                assert!(entry.pool_elements.iter().all(|element| element.asap_transport.is_some()));
            }
            let mut bytes = Vec::new();
            response.encode(&mut bytes).unwrap();
            assert!(bytes.len() <= 6000, "{} bytes", bytes.len());
            if !response.more {
                assert!(page >= 3);
                break;
            }
        }
        assert_eq!(found.len(), 200);
    }
}

#[test]
fn a_download_survives_the_removal_of_every_element_that_it_could_stop_at() {
    let (mut net, association) = with_script(RegistrarConfig { max_handle_table_page: 5200, ..config(0, &[]) });
    for number in 0..200 {
        net.element("pool", number + 1, 0);
    }
    net.script_sends(association, table_request(true));
    let first = tables(&net.take_got()).pop().unwrap();
    let sent = first.entries[0].pool_elements.len();
    // The cursor is behind these: remove elements around it, and register others in their places.
    for number in sent - 2..sent + 3 {
        net.deregister(number);
    }
    net.run(millis(10));
    for number in 300..303 {
        net.element("other", number, 0);
    }
    let mut found: std::collections::BTreeSet<_> =
        first.entries[0].pool_elements.iter().map(|element| element.id.0).collect();
    loop {
        net.script_sends(association, table_request(true));
        let page = tables(&net.take_got()).pop().unwrap();
        found.extend(page.entries.iter().flat_map(|entry| &entry.pool_elements).map(|element| element.id.0));
        if !page.more {
            break;
        }
    }
    for number in (0..200).filter(|number| !(sent - 2..sent + 3).contains(number)) {
        assert!(found.contains(&net.elements[number].id), "element {number} was there all the time");
    }
}

#[test]
fn enrp_113_the_w_bit_asks_for_the_elements_of_the_registrar_alone() {
    let mut net = Net::of(2, config);
    net.element("pool", 1, 0);
    net.element("pool", 2, 1);
    let association = net.script_joins(0);
    net.script_sends(association, table_request(true));
    let own = tables(&net.take_got()).pop().unwrap();
    assert_eq!(own.entries.len(), 1);
    assert_eq!(own.entries[0].pool_elements.iter().map(|element| element.id.0).collect::<Vec<_>>(), [1]);
    net.script_sends(association, table_request(false));
    let all = tables(&net.take_got()).pop().unwrap();
    assert_eq!(all.entries[0].pool_elements.len(), 2);
}

#[test]
fn enrp_049_too_many_downloads_are_rejected() {
    let settings = RegistrarConfig { max_handle_table_page: 5200, max_handle_table_sessions: 1, ..config(0, &[]) };
    let (mut net, association) = with_script(settings);
    for number in 0..100 {
        net.element("pool", number + 1, 0);
    }
    net.script_sends(association, table_request(false));
    assert!(tables(&net.take_got())[0].more);
    net.script_sends(association, table_request(true));
    let rejected = tables(&net.take_got()).pop().unwrap();
    assert!(rejected.reject && rejected.entries.is_empty() && !rejected.more);
}

#[test]
fn enrp_053_054_a_download_that_is_not_continued_is_forgotten() {
    let settings = RegistrarConfig { max_handle_table_page: 5200, ..config(0, &[]) };
    let (mut net, association) = with_script(settings);
    for number in 0..100 {
        net.element("pool", number + 1, 0);
    }
    net.script_sends(association, table_request(false));
    let first = tables(&net.take_got()).pop().unwrap();
    net.run(6 * SECOND);
    net.got.clear();
    net.script_sends(association, table_request(false));
    assert_eq!(tables(&net.take_got()).pop().unwrap(), first, "from the beginning");
}

#[test]
fn an_observer_gets_the_table_and_does_not_become_a_peer() {
    let mut net = Net::default();
    net.script_answers = false;
    net.start(config(0, &[]));
    net.element("pool", 7, 0);
    let association = net.script_connects(0);
    net.script_sends(association, table_request(false));
    assert_eq!(tables(&net.take_got()).pop().unwrap().entries.len(), 1);
    net.run(200 * SECOND);
    assert_eq!(net.registrar(0).peers().count(), 0);
    assert!(updates(&net.take_got()).is_empty());
    assert_eq!(net.registrar(0).statistics().takeovers_started, 0);
}
