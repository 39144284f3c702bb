//! Which transport is for what, and whose addresses are registered.

use super::*;

#[test]
fn asap_002_004_a_registration_over_tcp_is_refused() {
    let mut world = World::new(config());
    let tcp = world.up(1, 1, TransportKind::Tcp);
    world.refused(tcp, "pool", element(7, 1), Cause::RejectedForSecurity);
}

#[test]
fn asap_005_091_resolutions_come_by_sctp_and_by_tcp() {
    let mut world = World::new(config());
    let (pe, tcp) = (world.pe(1), world.pu(2));
    world.registered(pe, "pool", element(7, 1));
    assert_eq!(world.resolve(pe, "pool"), [7]);
    assert_eq!(world.resolve(tcp, "pool"), [7]);
}

#[test]
fn asap_003_the_registrar_and_nobody_else_is_home_of_its_elements() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "pool", PoolElement { home_registrar: RegistrarId(0xbad), ..element(7, 1) });
    assert_eq!(world.element("pool", 7).unwrap().home_registrar, RegistrarId(0xcafe));
    assert_eq!(world.registrar.handlespace().count_of_owner(RegistrarId(0xcafe)), 1);
}

#[test]
fn asap_009_user_addresses_that_the_association_does_not_have_are_not_registered() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    let mut mixed = element(7, 1);
    let addresses = AddressList::from_slice(&[ip(9), ip(1)]);
    mixed.user_transport = TransportParameter::Sctp { port: 5000, transport_use: TransportUse::DataOnly, addresses };
    world.registered(pe, "pool", mixed);
    assert_eq!(world.element("pool", 7).unwrap().user_transport, sctp(1, 5000));
    let cause = world.refused(pe, "other", element(8, 9), Cause::InvalidValues);
    assert_eq!(cause.info[..2], [0, 0x0a], "the offending parameter goes back");
    let udp = TransportParameter::Udp { port: 1, address: ip(9) };
    world.refused(pe, "other", PoolElement { user_transport: udp, ..element(8, 1) }, Cause::InvalidValues);
}

#[test]
fn with_rsplib_elements_that_it_cannot_parse_are_refused() {
    let mut world = World::new(RegistrarConfig { rsplib_compatibility: true, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 1));
    let with = |user_transport| PoolElement { user_transport, ..element(8, 1) };
    let udp_lite = TransportParameter::UdpLite { port: 1, address: ip(1) };
    world.refused(pe, "lite", with(udp_lite.clone()), Cause::InvalidValues);
    let dccp = TransportParameter::Dccp { port: 1, service_code: 0, address: ip(1) };
    world.refused(pe, "dccp", with(dccp), Cause::InvalidValues);
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.registered(pe, "lite", with(udp_lite));
}

#[test]
fn asap_009_the_check_can_be_turned_off_for_translated_addresses() {
    let mut world = World::new(RegistrarConfig { user_addresses: UserAddresses::Any, ..config() });
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 9));
}

#[test]
fn an_element_behind_nat_is_registered_with_the_address_that_it_is_seen_from() {
    let rule = |user_addresses| World::new(RegistrarConfig { user_addresses, ..config() });
    let mut strict = rule(UserAddresses::Own);
    let pe = strict.pe(1);
    strict.refused(pe, "pool", element(7, 9), Cause::InvalidValues);
    let mut world = rule(UserAddresses::Seen);
    let pe = world.pe(1);
    world.registered(pe, "pool", element(7, 9));
    let listed = world.resolve_with(pe, "pool", None, false).pool_elements;
    assert_eq!(listed.iter().map(|listed| &listed.user_transport).collect::<Vec<_>>(), [&element(7, 1).user_transport]);
}
