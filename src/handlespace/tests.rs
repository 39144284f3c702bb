//! Random sequences of operations, compared step by step with a model that does everything the slow and obvious way.

use super::*;
use crate::association::host_of;
use crate::wire::{AddressList, Policy, RegistrationLife, TransportParameter, TransportUse};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::IpAddr;

const MAX_POOLS: usize = 4;
const MAX_ELEMENTS: usize = 12;

#[derive(Clone, Debug)]
enum Operation {
    Register { pool: u8, id: u32, owner: u32, association: Option<u64>, policy: u8, load: u32, tcp: bool },
    Remove { pool: u8, id: u32 },
    LoseAssociation { association: u64 },
    SetOwner { pool: u8, id: u32, owner: u32 },
    SetTimer { pool: u8, id: u32, at: u64 },
    Select { pool: u8, items: usize },
}

fn operation() -> impl Strategy<Value = Operation> {
    let (pool, id, owner) = (0..6u8, 1..6u32, 1..4u32);
    prop_oneof![
        6 => (
            (pool.clone(), id.clone(), owner.clone()),
            (proptest::option::of(0..4u64), 0..6u8, 0..3u32, proptest::bool::weighted(0.1)),
        )
            .prop_map(|((pool, id, owner), (association, policy, load, tcp))| Operation::Register {
                pool, id, owner, association, policy, load, tcp,
            }),
        2 => (pool.clone(), id.clone()).prop_map(|(pool, id)| Operation::Remove { pool, id }),
        1 => (0..4u64).prop_map(|association| Operation::LoseAssociation { association }),
        1 => (pool.clone(), id.clone(), owner).prop_map(|(pool, id, owner)| Operation::SetOwner { pool, id, owner }),
        2 => (pool.clone(), id, 0..50u64).prop_map(|(pool, id, at)| Operation::SetTimer { pool, id, at }),
        3 => (pool, 0..8usize).prop_map(|(pool, items)| Operation::Select { pool, items }),
    ]
}

/// The policy of pools whose number has this parity, mostly: sometimes another one, to be refused.
fn policy(choice: u8, pool: u8, load: u32) -> Policy {
    match (choice, pool % 3) {
        (0, _) => Policy::Unknown { policy_type: crate::wire::PolicyType(0x99), data: Vec::new() },
        (1, _) => Policy::Random,
        (_, 0) => Policy::RoundRobin,
        (_, 1) => Policy::LeastUsed { load },
        _ => Policy::WeightedRandom { weight: load },
    }
}

fn handle(pool: u8) -> PoolHandle {
    PoolHandle::new(format!("pool {pool}"))
}

#[derive(Clone, Debug)]
struct Known {
    pool_element: PoolElement,
    association: Option<AssociationId>,
    timer: Time,
}

/// Every pool as a map from identifier to element.
#[derive(Default)]
struct Model(BTreeMap<u8, BTreeMap<u32, Known>>);

impl Model {
    fn all(&self) -> impl Iterator<Item = (u8, u32, &Known)> {
        self.0.iter().flat_map(|(&pool, elements)| elements.iter().map(move |(&id, known)| (pool, id, known)))
    }

    fn register(&mut self, pool: u8, new: Known) -> Result<Registered, Refusal> {
        let count = self.all().count();
        let (kind, type_of) = (new.pool_element.user_transport.is_sctp(), new.pool_element.policy.policy_type());
        if let Some(elements) = self.0.get_mut(&pool) {
            let first = elements.values().next().expect("pools are never empty");
            if first.pool_element.policy.policy_type() != type_of {
                return Err(Refusal::InconsistentPolicy);
            }
            if first.pool_element.user_transport.is_sctp() != kind {
                return Err(Refusal::InconsistentTransport);
            }
            if let Some(known) = elements.get_mut(&new.pool_element.id.0) {
                let same = known.pool_element == new.pool_element;
                *known = Known { timer: known.timer, ..new };
                return Ok(if same { Registered::Same } else { Registered::Changed });
            }
        }
        if count >= MAX_ELEMENTS {
            return Err(Refusal::TooManyElements);
        }
        if !self.0.contains_key(&pool) {
            if !Policies::standard().is_supported(type_of) {
                return Err(Refusal::UnsupportedPolicy);
            }
            if self.0.len() >= MAX_POOLS {
                return Err(Refusal::TooManyPools);
            }
        }
        self.0.entry(pool).or_default().insert(new.pool_element.id.0, new);
        Ok(Registered::New)
    }

    fn remove(&mut self, pool: u8, id: u32) -> Option<Known> {
        let elements = self.0.get_mut(&pool)?;
        let known = elements.remove(&id)?;
        if elements.is_empty() {
            self.0.remove(&pool);
        }
        Some(known)
    }
}

/// The host of an element: each association comes from another one.
fn host(number: u64) -> IpAddr {
    IpAddr::from([10, 0, 1, number as u8])
}

fn asap_transport(number: u64) -> TransportParameter {
    let addresses = AddressList::from_slice(&[host(number), host(200)]);
    TransportParameter::Sctp { port: 1, transport_use: TransportUse::DataOnly, addresses }
}

fn element(operation: &Operation) -> Option<(u8, Known)> {
    let &Operation::Register { pool, id, owner, association, policy: choice, load, tcp } = operation else {
        return None;
    };
    let address = IpAddr::from([10, 0, 0, 1]);
    let user_transport = if tcp {
        TransportParameter::Tcp { port: 1, transport_use: TransportUse::DataOnly, address }
    } else {
        let addresses = AddressList::from_slice(&[address]);
        TransportParameter::Sctp { port: 1, transport_use: TransportUse::DataOnly, addresses }
    };
    let pool_element = PoolElement {
        id: PoolElementId(id),
        home_registrar: RegistrarId(owner),
        registration_life: RegistrationLife(60),
        user_transport,
        policy: policy(choice, pool, load),
        asap_transport: association.map(asap_transport),
    };
    let association = association.map(|number| AssociationId::new(0, number));
    Some((pool, Known { pool_element, association, timer: Time::MAX }))
}

fn apply(handlespace: &mut Handlespace, model: &mut Model, random: &mut Random, operation: &Operation) {
    let find = |handlespace: &Handlespace, pool, id| handlespace.find(&handle(pool), PoolElementId(id));
    match *operation {
        Operation::Register { .. } => {
            let Some((pool, known)) = element(operation) else { return };
            let result = handlespace.register(&handle(pool), &known.pool_element, known.association);
            assert_eq!(result.map(|(_, registered)| registered), model.register(pool, known));
        }
        Operation::Remove { pool, id } => {
            let removed = find(handlespace, pool, id).and_then(|index| handlespace.remove(index));
            let expected = model.remove(pool, id);
            assert_eq!(removed.as_ref().map(|r| r.element.pool_element()), expected.map(|k| k.pool_element));
            assert!(removed.is_none_or(|r| r.pool_removed != model.0.contains_key(&pool)));
        }
        Operation::LoseAssociation { association } => {
            let association = AssociationId::new(0, association);
            while let Some(index) = handlespace.first_of_association(association) {
                let removed = handlespace.remove(index).expect("it is there");
                assert_eq!(removed.element.association(), Some(association));
            }
            let lost: Vec<_> = model.all().filter(|(_, _, known)| known.association == Some(association)).collect();
            for (pool, id) in lost.into_iter().map(|(pool, id, _)| (pool, id)).collect::<Vec<_>>() {
                model.remove(pool, id);
            }
        }
        Operation::SetOwner { pool, id, owner } => {
            if let Some(index) = find(handlespace, pool, id) {
                handlespace.set_owner(index, RegistrarId(owner));
                let known = model.0.get_mut(&pool).and_then(|elements| elements.get_mut(&id)).expect("known");
                known.pool_element.home_registrar = RegistrarId(owner);
            }
        }
        Operation::SetTimer { pool, id, at } => {
            if let Some(index) = find(handlespace, pool, id) {
                let at = if at == 0 { Time::MAX } else { Time::from_nanos(at) };
                handlespace.update_liveness(index, |liveness| liveness.set_end(at));
                model.0.get_mut(&pool).and_then(|elements| elements.get_mut(&id)).expect("known").timer = at;
            }
        }
        Operation::Select { pool, items } => {
            let mut out = Vec::new();
            if let Some(index) = handlespace.find_pool(&handle(pool)) {
                handlespace.select(index, items, random, &mut out);
            }
            check_selection(handlespace, model, pool, items, &out);
        }
    }
}

fn check_selection(handlespace: &Handlespace, model: &Model, pool: u8, items: usize, out: &[ElementIndex]) {
    let empty = BTreeMap::new();
    let elements = model.0.get(&pool).unwrap_or(&empty);
    let selectable = |known: &&Known| !matches!(known.pool_element.policy, Policy::WeightedRandom { weight: 0 });
    assert_eq!(out.len(), items.min(elements.values().filter(selectable).count()));
    assert_eq!(out.iter().collect::<BTreeSet<_>>().len(), out.len(), "nobody twice");
    let loads: Vec<_> = out
        .iter()
        .map(|&index| {
            let chosen = handlespace.element(index).expect("registered").pool_element();
            assert_eq!(chosen, elements[&chosen.id.0].pool_element);
            if let Policy::LeastUsed { load } = chosen.policy { load } else { 0 }
        })
        .collect();
    assert!(loads.is_sorted(), "{loads:?}");
}

fn check(handlespace: &Handlespace, model: &Model) {
    assert_eq!(handlespace.pool_count(), model.0.len());
    assert_eq!(handlespace.element_count(), model.all().count());
    let earliest = model.all().map(|(_, _, known)| known.timer).filter(|&at| at != Time::MAX).min();
    assert_eq!(handlespace.next_timer().map(|(at, _)| at), earliest);
    for owner in (1..4).map(RegistrarId) {
        let mut checksum = HandlespaceChecksum::default();
        let mut ids = Vec::new();
        for (pool, id, _) in model.all().filter(|(_, _, known)| known.pool_element.home_registrar == owner) {
            checksum.add(HandlespaceChecksum::of_handle(handle(pool).as_bytes()), PoolElementId(id));
            ids.push((handle(pool), id));
        }
        assert_eq!(handlespace.checksum_of_owner(owner).value(), checksum.value());
        assert_eq!(handlespace.checksum_of_owner(owner), checksum);
        assert_eq!(handlespace.count_of_owner(owner), ids.len());
        let mut listed: Vec<_> = handlespace
            .elements_of_owner(owner)
            .map(|index| {
                let element = handlespace.element(index).expect("registered");
                (handlespace.pool(element.pool()).expect("its pool").handle().clone(), element.id().0)
            })
            .collect();
        listed.sort();
        assert_eq!(listed, ids);
    }
    for association in (0..4).map(|number| AssociationId::new(0, number)) {
        let expected = model.all().filter(|(_, _, known)| known.association == Some(association)).count();
        assert_eq!(handlespace.count_of_association(association), expected);
    }
    for number in 0..4 {
        let of_host = asap_transport(number);
        let expected = model.all().filter(|(_, _, known)| known.pool_element.asap_transport.as_ref() == Some(&of_host));
        assert_eq!(handlespace.count_of_host(host_of(host(number))), expected.count());
    }
    let mut walked = 0;
    for (index, pool) in handlespace.pools_from(None) {
        assert_eq!(handlespace.find_pool(pool.handle()), Some(index));
        walked += pool.elements().count();
        assert_eq!(pool.elements().count(), pool.len());
    }
    assert_eq!(walked, handlespace.element_count());
    for (pool, id, known) in model.all() {
        let index = handlespace.find(&handle(pool), PoolElementId(id)).expect("registered");
        let element = handlespace.element(index).expect("registered");
        assert_eq!((element.pool_element(), element.association()), (known.pool_element.clone(), known.association));
        assert_eq!((element.id().0, element.home_registrar()), (id, known.pool_element.home_registrar));
    }
}

proptest! {
    #[test]
    fn the_handlespace_does_what_the_naive_model_does(operations in proptest::collection::vec(operation(), 1..150)) {
        let mut handlespace = Handlespace::new(3, MAX_POOLS, MAX_ELEMENTS);
        let (mut model, mut random) = (Model::default(), Random::new(5));
        for operation in &operations {
            apply(&mut handlespace, &mut model, &mut random, operation);
            check(&handlespace, &model);
        }
    }
}
