//! A policy that this crate does not have, in this one file: what ARCHITECTURE.md says under "Adding a policy" works.
//!
//! "Nearest Number": an element registers a number, and the element with the number nearest to the last one chosen comes first.
//! It has no sense beyond being different from all others.

use crate::support::registrar::{World, config, element};
use rserpool::PoolElementId;
use rserpool::policy::{Member, Policies, Selector};
use rserpool::random::Random;
use rserpool::registrar::RegistrarConfig;
use rserpool::wire::{Cause, Policy, PolicyType, PoolElement};

/// X = 1, not standardised; A = 0, not adaptive (RFC 5356 section 7.1).
const NEAREST_NUMBER: PolicyType = PolicyType(0x8000_4711);

/// A small pool's policy: it looks at everybody at each selection.
#[derive(Debug, Default)]
struct NearestNumber {
    numbers: Vec<(Member, u32)>,
    last: u32,
}

fn number_of(policy: &Policy) -> u32 {
    match policy {
        Policy::Unknown { data, .. } => data.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes)),
        _ => 0,
    }
}

impl Selector for NearestNumber {
    fn insert(&mut self, member: Member, policy: &Policy) {
        self.numbers.push((member, number_of(policy)));
    }

    fn update(&mut self, member: Member, policy: &Policy) {
        self.remove(member);
        self.insert(member, policy);
    }

    fn remove(&mut self, member: Member) {
        self.numbers.retain(|&(other, _)| other != member);
    }

    fn select(&mut self, items: usize, _random: &mut Random, out: &mut Vec<Member>) {
        let last = self.last;
        self.numbers.sort_by_key(|&(member, number)| (number.abs_diff(last), member));
        out.extend(self.numbers.iter().take(items).map(|&(member, _)| member));
        self.last = self.numbers.first().map_or(last, |&(_, number)| number);
    }
}

fn policies() -> Policies {
    Policies::standard().with(NEAREST_NUMBER, || Box::<NearestNumber>::default())
}

fn with_number(id: u32, number: u32) -> PoolElement {
    let policy = Policy::Unknown { policy_type: NEAREST_NUMBER, data: number.to_be_bytes().to_vec() };
    PoolElement { policy, ..element(id, 1) }
}

#[test]
fn a_registrar_that_is_given_a_policy_selects_by_it() {
    let mut world = World::new(RegistrarConfig { policies: policies(), ..config() });
    let (pe, pu) = (world.pe(1), world.pu(2));
    for (id, number) in [(1, 50), (2, 10), (3, 90)] {
        world.registered(pe, "numbers", with_number(id, number));
    }
    assert_eq!(world.resolve(pu, "numbers"), [2, 1, 3], "nearest to 0");
    world.registered(pe, "numbers", with_number(3, 12));
    assert_eq!(world.resolve(pu, "numbers"), [2, 3, 1], "nearest to 10, with the new number of the third");
}

#[test]
fn others_refuse_it() {
    let mut world = World::new(config());
    let pe = world.pe(1);
    world.refused(pe, "numbers", with_number(1, 5), Cause::InvalidValues);
    assert_eq!(world.element("numbers", 1).map(|element| element.id), None::<PoolElementId>);
}
