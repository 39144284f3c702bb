//! Server hunt (RFC 5352 section 3.6).

use crate::support::client::*;
use rserpool::RegistrarId;
use rserpool::asap::{Action, AsapConfig, Event};
use rserpool::association::TransportKind::{KernelSctp, SctpUdp, Tcp};
use std::time::Duration;

#[test]
fn asap_005_079_a_user_may_use_tcp_in_the_configured_order() {
    let mut client = Client::new(config(1, &[KernelSctp, Tcp, SctpUdp]));
    let first = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(first[0].1, KernelSctp);
    let second = client.refused(first[0].0).connects();
    assert_eq!(second[0].1, Tcp, "a kind that fails makes room for the next");
    let third = client.refused(second[0].0).connects();
    assert_eq!(third[0].1, SctpUdp);
    let (home, done) = client.up(&third[0]);
    assert_eq!(done.sent()[0].0, home);
}

#[test]
fn asap_024_078_121_without_a_home_registrar_a_hunt_comes_first_and_nothing_without_need() {
    let mut client = Client::new(config(1, SCTP));
    assert!(client.event(Event::Timeout).0.is_empty());
    assert_eq!(client.core.next_deadline(), None);
    let done = client.request(1, resolve(None, Duration::ZERO));
    assert_eq!((done.connects().len(), done.sent().len()), (1, 0));
}

#[test]
fn asap_117_119_an_announced_registrar_is_tried() {
    let mut client = Client::new(config(0, SCTP));
    assert!(client.request(1, resolve(None, Duration::ZERO)).connects().is_empty());
    let connects = client.announcement("10.0.0.7:3863", 7, Vec::new()).connects();
    assert_eq!(connects[0].2, registrar_address(7), "as soon as it announces itself");
    let (_, done) = client.up(&connects[0]);
    assert_eq!(done.sent().len(), 1);
    assert_eq!(client.core.home_registrar().unwrap().id, Some(RegistrarId(7)));
}

#[test]
fn asap_118_165_an_announcement_counts_for_t7_and_each_new_one_restarts_it() {
    let mut client = Client::new(config(0, SCTP));
    client.announcement("10.0.0.7:3863", 7, Vec::new());
    client.announcement("10.0.0.8:3863", 8, Vec::new());
    client.advance(ms(4000));
    client.announcement("10.0.0.7:3863", 7, Vec::new());
    client.advance(ms(1000));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(connects.iter().map(|c| c.2.clone()).collect::<Vec<_>>(), [registrar_address(7)]);
}

#[test]
fn asap_123_124_not_more_than_three_registrars_are_tried_at_once() {
    assert!(AsapConfig { max_parallel_connects: 4, ..config(9, SCTP) }.validated().is_err());
    let mut client = Client::new(AsapConfig { max_parallel_connects: 3, ..config(9, SCTP) });
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    assert_eq!(connects.len(), 3);
    // With a home registrar that does not answer, two more.
    client.up(&connects[0]);
    assert_eq!(client.advance(ms(1000)).connects().len(), 2);
}

#[test]
fn asap_126_133_the_first_to_answer_wins_and_the_others_are_given_up() {
    let mut client = Client::new(config(3, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let (home, done) = client.up(&connects[1]);
    assert_eq!(done.cancelled_connects(), [connects[0].0, connects[2].0]);
    assert_eq!(done.sent()[0].0, home);
    // One that was up already when it was given up.
    let (late, done) = client.up(&connects[0]);
    assert_eq!(done.shutdowns(), [late]);
    assert_eq!(client.request(2, resolve(Some(1), Duration::ZERO)).sent()[0].0, home);
}

#[test]
fn asap_128_a_failed_connect_makes_room_for_another_registrar() {
    let mut client = Client::new(config(5, SCTP));
    let connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let next = client.refused(connects[0].0).connects();
    assert_eq!(next.len(), 1);
    assert!(connects.iter().all(|connect| connect.2 != next[0].2));
}

#[test]
fn asap_125_129_130_131_132_t5_doubles_up_to_its_maximum_with_other_registrars_each_time() {
    let mut t5 = AsapConfig::default().t5_server_hunt;
    let max_request_time = Duration::from_secs(600);
    let mut client = Client::new(AsapConfig { max_request_time, connect_timeout: t5, ..config(6, SCTP) });
    let mut round = client.request(1, resolve(None, Duration::ZERO)).connects();
    for _ in 0..8 {
        assert_eq!(round.len(), 3);
        assert!(client.advance(t5 - ms(1)).0.is_empty());
        let done = client.advance(ms(1));
        assert_eq!(done.cancelled_connects(), round.iter().map(|connect| connect.0).collect::<Vec<_>>());
        let next = done.connects();
        assert!(next.iter().all(|connect| round.iter().all(|before| before.2 != connect.2)));
        round = next;
        t5 = (t5 * 2).min(AsapConfig::default().t5_max);
    }
}

#[test]
fn registrars_are_tried_at_once_when_this_host_has_other_addresses() {
    let max_request_time = Duration::from_secs(600);
    let mut client = Client::new(AsapConfig { max_request_time, ..config(1, SCTP) });
    let mut connect = client.request(1, resolve(None, Duration::ZERO)).connects().pop().unwrap();
    for _ in 0..5 {
        client.refused(connect.0);
        connect = client.advance(AsapConfig::default().t5_max).connects().pop().unwrap();
    }
    client.refused(connect.0);
    assert!(client.advance(AsapConfig::default().t5_max / 2).connects().is_empty(), "the pauses are long by now");
    client.event(Event::AddressesChanged);
    let again = client.advance(Duration::ZERO).connects();
    assert_eq!(again.len(), 1);
    client.refused(again[0].0);
    assert_eq!(client.advance(AsapConfig::default().t5_server_hunt * 2).connects().len(), 1, "they are short again");
}

#[test]
fn asap_127_success_resets_t5() {
    let mut client = Client::new(config(1, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    let connect = client.advance(ms(1600)).connects().pop().unwrap();
    let (home, _) = client.up(&connect);
    client.message(home, resolved(None, &[1]));
    client.request(2, resolve(None, Duration::ZERO));
    let again = client.lost(home).connects();
    client.refused(again[0].0);
    assert!(client.advance(ms(499)).connects().is_empty());
    assert_eq!(client.advance(ms(1)).connects().len(), 1);
}

#[test]
fn names_of_registrars_are_looked_up_for_each_round_and_all_their_addresses_are_tried() {
    let mut client = Client::new(AsapConfig { named_registrars: 1, ..config(0, SCTP) });
    let done = client.request(1, resolve(None, Duration::ZERO));
    assert!(done.0.contains(&Action::LookUp) && done.connects().is_empty());
    let found = Event::LookedUp(vec![vec![registrar_address(1), registrar_address(2)]]);
    let first = client.event(found).connects().pop().unwrap();
    assert_eq!(first.2, registrar_address(1));
    let second = client.refused(first.0).connects().pop().unwrap();
    assert_eq!(second.2, registrar_address(2));
    client.refused(second.0);
    let done = client.advance(AsapConfig::default().t5_server_hunt);
    assert!(done.0.contains(&Action::LookUp));
    let again = done.connects().pop().expect("what is known is tried meanwhile");
    let nothing = client.event(Event::LookedUp(vec![Vec::new()]));
    assert!(nothing.0.is_empty(), "a look-up that fails forgets nothing");
    client.refused(again.0);
    client.advance(AsapConfig::default().t5_server_hunt * 2);
    let moved = client.event(Event::LookedUp(vec![vec![registrar_address(3)]])).connects();
    assert_eq!(moved.iter().map(|connect| &connect.2).collect::<Vec<_>>(), [&registrar_address(3)]);
}

#[test]
fn requests_are_not_given_up_while_the_only_registrar_is_still_being_looked_up() {
    let mut client = Client::new(AsapConfig { named_registrars: 1, max_connect_trials: Some(1), ..config(0, SCTP) });
    client.request(1, resolve(None, Duration::ZERO));
    let waiting = client.advance(AsapConfig::default().t5_server_hunt * 4);
    assert!(waiting.0.is_empty(), "neither an answer nor a second look-up: {:?}", waiting.0);
    let connect = client.event(Event::LookedUp(vec![vec![registrar_address(1)]])).connects().pop().unwrap();
    client.up(&connect);
}
