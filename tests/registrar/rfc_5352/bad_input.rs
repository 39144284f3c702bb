//! Unknown, unexpected and hostile input, and its limits.

use super::*;

#[test]
fn asap_020_021_an_unknown_message_is_reported_when_its_type_wants_it() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    world.bytes(pu, &[0x0f, 0, 0, 4]);
    assert!(world.sent.is_empty(), "type bits 00: silence");
    world.bytes(pu, &[0x4f, 0, 0, 4]);
    match &world.sent[0].1 {
        AsapMessage::Error(message) => assert_eq!(message.error.first(), Some(Cause::UnrecognizedMessage)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn asap_020_021_an_unknown_parameter_is_reported_and_the_message_still_answered() {
    let mut world = World::new(config());
    let (pe, pu) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    let mut bytes = vec![5, 0, 0, 20, 0, 9, 0, 8];
    bytes.extend(b"pool");
    bytes.extend([0xc0, 0x99, 0, 8, 1, 2, 3, 4]);
    world.bytes(pu, &bytes);
    let causes = match &world.sent[0].1 {
        AsapMessage::Error(message) => message.error.causes.clone(),
        other => panic!("{other:?}"),
    };
    let info = vec![0xc0, 0x99, 0, 8, 1, 2, 3, 4];
    assert_eq!(causes, [ErrorCause { cause: Cause::UnrecognizedParameter, info }]);
    assert_eq!(world.updates().len(), 1);
}

#[test]
fn an_asap_error_is_never_answered_by_an_asap_error() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    world.bytes(pu, &[0x0e, 0, 0, 12, 0, 0x0c, 0, 8, 0, 1, 0, 3]);
    world.bytes(pu, &[0x0e, 0, 0, 12, 0x40, 0x99, 0, 8, 0, 1, 0, 3]);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn asap_150_another_payload_protocol_is_ignored_and_that_of_enrp_aborts() {
    let mut world = World::new(config());
    let (pe, user) = (world.pe(1), world.pe(2));
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    let mut bytes = Vec::new();
    let resolution = HandleResolution { subscribe: false, pool_handle: PoolHandle::from("pool"), items: None };
    AsapMessage::HandleResolution(resolution).encode(&mut bytes).unwrap();
    world.event(Event::Message { association: user, ppid: 4711, bytes: &bytes });
    assert!(world.sent.is_empty() && world.aborted.is_empty());
    world.event(Event::Message { association: user, ppid: PPID_ENRP, bytes: &bytes });
    assert_eq!(world.aborted, [user]);
    assert_eq!(world.registrar.association_count(), 1);
}

#[test]
fn messages_that_no_registrar_takes_change_nothing() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    world.sent.clear();
    let pool_handle = PoolHandle::from("pool");
    let pool_element_id = PoolElementId(7);
    let messages = [
        AsapMessage::RegistrationResponse(RegistrationResponse {
            reject: true,
            pool_handle: pool_handle.clone(),
            pool_element_id,
            error: None,
            registrars: Vec::new(),
            life_in_seconds: None,
        }),
        AsapMessage::DeregistrationResponse(DeregistrationResponse {
            pool_handle: pool_handle.clone(),
            pool_element_id,
            error: None,
        }),
        AsapMessage::ServerAnnounce(ServerAnnounce { registrar_id: RegistrarId(1), transports: Vec::new() }),
        AsapMessage::Cookie(Cookie { cookie: vec![1] }),
        AsapMessage::CookieEcho(CookieEcho { cookie: vec![1] }),
        AsapMessage::BusinessCard(BusinessCard { pool_handle, pool_elements: vec![element(7, 1)] }),
    ];
    for message in &messages {
        world.message(pe, message);
    }
    assert!(world.sent.is_empty() && world.aborted.is_empty());
    assert_eq!(world.resolve(pe, "pool"), [7]);
}

#[test]
fn an_association_that_sends_nothing_but_nonsense_is_aborted() {
    let mut world = World::new(config());
    let pu = world.pu(1);
    for _ in 0..100 {
        world.bytes(pu, &[0x4f, 0, 0, 4]);
    }
    assert_eq!(world.aborted, [pu]);
    assert_eq!(world.sent.len(), 32);
    world.bytes(pu, &[0x4f, 0, 0, 4]);
    assert_eq!(world.sent.len(), 32, "what was still under way is ignored");
}

#[test]
fn tcp_connections_leave_room_for_pool_elements() {
    let mut world = World::new(RegistrarConfig { max_associations: 4, max_tcp_connections: 2, ..config() });
    let first = world.pu(1);
    world.pu(2);
    let third = world.pu(3);
    assert_eq!(world.aborted, [third]);
    let elements = [world.pe(4), world.pe(5)];
    assert_eq!(world.aborted, [third], "{elements:?} have places of their own");
    world.lose(first);
    world.pu(6);
    assert_eq!(world.aborted, [third], "a place that is free again is given again");
    world.pe(7);
    assert_eq!(world.aborted.len(), 2, "TCP connections count among all");
}

#[test]
fn tcp_connections_that_are_silent_make_room_for_others_the_longest_silent_first() {
    let mut world = World::new(RegistrarConfig { max_associations: 4, max_tcp_connections: 3, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(1, 1));
    let (busy, subscriber, silent) = (world.pu(2), world.pu(3), world.pu(4));
    assert!(world.resolve_with(subscriber, "pool", None, true).accept_updates);
    world.run(Duration::from_millis(999));
    let too_early = world.pu(5);
    assert_eq!(world.aborted, [too_early]);
    world.run(Duration::from_secs(1));
    world.resolve(busy, "pool");
    let new = world.pu(6);
    assert_eq!(world.aborted, [too_early, silent]);
    world.run(Duration::from_secs(2));
    world.pe(7);
    let last = world.pu(8);
    assert_eq!(world.aborted, [too_early, silent, busy, new], "also for an element");
    let refused = world.pu(9);
    assert_eq!(world.aborted[4..], [refused], "{subscriber:?} has a reason to be silent, and {last:?} has just come");
    assert_eq!(world.registrar.statistics().silent_ended, 3);
}

#[test]
fn a_tcp_connection_that_is_silent_for_long_is_ended() {
    let timeout = Duration::from_secs(60);
    let mut world = World::new(RegistrarConfig { tcp_idle_timeout: timeout, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(1, 1));
    let (silent, busy, subscriber) = (world.pu(2), world.pu(3), world.pu(4));
    assert!(world.resolve_with(subscriber, "pool", None, true).accept_updates);
    let sctp = world.up(5, 5, TransportKind::KernelSctp);
    world.run(timeout / 2);
    world.resolve(busy, "pool");
    world.run(timeout / 2 - Duration::from_millis(1));
    assert_eq!(world.aborted, []);
    world.run(Duration::from_millis(1));
    assert_eq!(world.aborted, [silent], "after {timeout:?} and no sooner");
    world.run(timeout / 2 - Duration::from_millis(1));
    assert_eq!(world.aborted, [silent]);
    world.run(Duration::from_millis(1));
    assert_eq!(world.aborted, [silent, busy], "{timeout:?} after its last message");
    // Who watches a pool, or is watched by SCTP, may be silent.
    world.run(timeout * 10);
    assert_eq!(world.aborted, [silent, busy]);
    assert_eq!(world.registrar.statistics().silent_ended, 2);
    assert_eq!(world.registrar.association_count(), 3, "{pe:?}, {subscriber:?} and {sctp:?}");
    // Until the subscription ends, with its pool.
    world.lose(pe);
    world.run(timeout + Duration::from_secs(1));
    assert_eq!(world.aborted, [silent, busy, subscriber]);
}

#[test]
fn more_associations_than_the_limit_are_aborted() {
    let mut world = World::new(RegistrarConfig { max_associations: 2, ..config() });
    let first = world.pu(1);
    world.pu(2);
    let third = world.pu(3);
    assert_eq!(world.aborted, [third]);
    world.lose(first);
    world.pu(4);
    assert_eq!(world.aborted.len(), 1);
}
