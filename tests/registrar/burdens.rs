//! What one host may cost, and that it does not hide what others do.

use crate::support::log_lines::{lines_of, only_line};
use crate::support::registrar::*;
use rserpool::association::{PeerAddress, TransportKind};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::registrar::RegistrarConfig;
use rserpool::wire::*;
use rserpool::{AssociationId, PoolHandle};
use std::time::Duration;

fn registration(id: u32, host: u8) -> AsapMessage {
    let pool_handle = PoolHandle::from("pool");
    Registration { pool_handle, pool_element: element(id, host), life_in_seconds: None }.into()
}

/// How many of so many re-registrations of its element are accepted.
fn accepted(world: &mut World, association: AssociationId, message: &AsapMessage, times: usize) -> usize {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("encodable");
    let before = world.registrar.statistics().registrations;
    for _ in 0..times {
        world.bytes(association, &bytes);
        world.sent.clear();
        world.actions.clear();
    }
    (world.registrar.statistics().registrations - before) as usize
}

#[test]
fn sec_a_host_registers_only_so_often_however_many_associations_it_has() {
    let mut world = World::new(config());
    let own = [1, 2].map(|number| world.up(number, 1, TransportKind::Memory));
    let other = world.pe(9);
    let messages = [registration(1, 1), registration(2, 1)];
    let together: usize = (0..2).map(|n| accepted(&mut world, own[n], &messages[n], 70_000)).sum();
    assert_eq!(together, 131_072, "a hundred thousand elements at once, and some");
    let AsapMessage::RegistrationResponse(refusal) = world.ask(own[1], &messages[1]) else { panic!("an answer") };
    assert_eq!(refusal.error.and_then(|error| error.first()), Some(Cause::LackOfResources));
    assert!(world.element("pool", 1).is_some() && world.element("pool", 2).is_some(), "a refusal removes nobody");
    world.registered(other, "pool", element(9, 9));
    world.now += Duration::from_secs(1);
    assert_eq!(accepted(&mut world, own[0], &messages[0], 30_000), 20_000);
}

#[test]
fn sec_one_host_does_not_take_all_associations() {
    let mut world = World::new(RegistrarConfig { max_associations: 80, ..config() });
    for number in 0..80 {
        world.up(number, 1, TransportKind::Memory);
    }
    assert_eq!(world.aborted.len(), 10);
    let other = world.up(100, 2, TransportKind::Memory);
    assert!(!world.aborted.contains(&other));
    world.registered(other, "pool", element(1, 2));
}

/// Over kernel SCTP, the address of a peer is asked for when its association comes up; by then it may be gone.
#[test]
fn a_registration_read_after_its_association_died_is_dropped() {
    let mut world = World::new(config());
    let nowhere = PeerAddress { addresses: AddressList::new(), port: 0 };
    let association = world.up_at(1, nowhere, TransportKind::KernelSctp);
    let lines = lines_of(|| world.message(association, &registration(7, 1)));
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!(world.registrar.statistics().registrations_refused, 0);
    assert_eq!(world.element("pool", 7), None);
}

#[test]
fn sec_the_refusals_of_one_host_do_not_hide_that_of_another() {
    let mut world = World::new(config());
    let (noisy, other) = (world.pe(1), world.pe(2));
    let lines = lines_of(|| {
        for _ in 0..1000 {
            world.register(noisy, "pool", element(7, 200));
        }
        world.register(other, "pool", element(8, 200));
    });
    let about_noisy = lines.iter().filter(|(_, line)| line.contains("0x00000007")).count();
    assert_eq!(about_noisy, 10);
    only_line(&lines, &["0x00000008", "is refused", "990 such lines left out"]);
}
