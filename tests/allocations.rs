//! What allocates nothing, shown by an allocator that counts: selections by every policy, and whole resolutions.

#[path = "support/mod.rs"]
mod support;

use rserpool::association::{Peer, PeerAddress, TransportKind};
use rserpool::handlespace::Handlespace;
use rserpool::message::AsapMessage;
use rserpool::message::asap::{HandleResolution, Registration};
use rserpool::random::Random;
use rserpool::registrar::{Action, Event, Link, Registrar};
use rserpool::wire::{PPID_ASAP, Policy, PoolElement};
use rserpool::{AssociationId, PoolElementId, PoolHandle, Time};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::registrar::{config, element};

/// Counts what each thread allocates: tests run beside each other.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; the counter allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

/// Every policy, with values that differ from element to element.
fn policies(value: u32) -> Vec<Policy> {
    let (load, degradation, weight, priority) = (value * 1_000_000, 1_000_000, 1 + value % 9, value);
    let (load_dpf, weight_dpf, distance) = (1 << 16, 1 << 16, 50 * (value % 3));
    vec![
        Policy::RoundRobin,
        Policy::WeightedRoundRobin { weight },
        Policy::Random,
        Policy::WeightedRandom { weight },
        Policy::Priority { priority },
        Policy::LeastUsed { load },
        Policy::LeastUsedDegradation { load, degradation },
        Policy::PriorityLeastUsed { load, degradation },
        Policy::RandomizedLeastUsed { load },
        Policy::RandomizedPriorityLeastUsed { load, degradation },
        Policy::RandomizedLeastUsedDegradation { load, degradation },
        Policy::PriorityLeastUsedDegradation { load, degradation },
        Policy::RandomizedPriorityLeastUsedDegradation { load, degradation },
        Policy::WeightedRandomDpf { weight, weight_dpf, distance },
        Policy::LeastUsedDpf { load, load_dpf, distance },
        Policy::LeastUsedDegradationDpf { load, degradation, load_dpf, distance },
        Policy::PriorityLeastUsedDpf { load, degradation, load_dpf, distance },
        Policy::PriorityLeastUsedDegradationDpf { load, degradation, load_dpf, distance },
    ]
}

fn member(number: u32, policy: usize) -> PoolElement {
    let policy = policies(number).swap_remove(policy);
    PoolElement { policy, ..element(number + 1, 1) }
}

#[test]
fn a_selection_allocates_nothing_by_any_policy() {
    for policy in 0..policies(0).len() {
        let mut handlespace = Handlespace::new(1, 10, 1000);
        let handle = PoolHandle::from("pool");
        for number in 0..200 {
            handlespace.register(&handle, &member(number, policy), None).expect("there is room");
        }
        let pool = handlespace.find_pool(&handle).expect("there it is");
        let (mut random, mut out) = (Random::new(2), Vec::new());
        let mut select = |count: usize| {
            for items in [1, 3, 32, 200].repeat(count) {
                out.clear();
                handlespace.select(pool, items, &mut random, &mut out);
                assert!(!out.is_empty());
            }
        };
        // Trees and lists grow to the size that they need.
        select(50);
        let allocations = allocations_of(|| select(50));
        // A node of a tree more than ever before, or a shelf of weights that was empty: growth, not a cost of each selection.
        let shown = &policies(0)[policy];
        assert!(allocations <= 10, "{shown:?}: {allocations} allocations in 200 selections");
    }
}

#[test]
fn a_resolution_allocates_nothing_from_the_received_bytes_to_those_to_send() {
    let mut registrar = Registrar::new(config().validated().expect("settings that can work"), 1, Time::ZERO);
    let association = AssociationId::new(0, 1);
    let mut actions = Vec::new();
    let peer =
        Peer { address: PeerAddress::new([10, 0, 0, 1].into(), 40_000), inbound: true, kind: TransportKind::Memory };
    let up = Event::AssociationUp { link: Link::Asap, association, attempt: None, peer };
    registrar.handle(Time::ZERO, up, &mut actions);
    let encoded = |message: AsapMessage| {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("encodable");
        bytes
    };
    let pool_handle = PoolHandle::from("pool");
    for number in 0..100 {
        let pool_element = PoolElement { id: PoolElementId(number + 1), ..member(number, 0) };
        let bytes = encode_registration(&pool_handle, pool_element);
        registrar.handle(Time::ZERO, Event::Message { association, ppid: PPID_ASAP, bytes: &bytes }, &mut actions);
    }
    let question = HandleResolution { subscribe: false, pool_handle, items: Some(3) };
    let bytes = encoded(AsapMessage::HandleResolution(question));
    let mut resolve = |count: usize| {
        for _ in 0..count {
            actions.clear();
            registrar.handle(Time::ZERO, Event::Message { association, ppid: PPID_ASAP, bytes: &bytes }, &mut actions);
            let Some(Action::Send { bytes, .. }) = actions.pop() else { panic!("an answer") };
            assert!(bytes.len() > 100, "three elements");
            registrar.recycle(bytes);
        }
    };
    resolve(10);
    assert_eq!(allocations_of(|| resolve(100)), 0);
}

fn encode_registration(pool_handle: &PoolHandle, pool_element: PoolElement) -> Vec<u8> {
    let message = AsapMessage::Registration(Registration {
        pool_handle: pool_handle.clone(),
        pool_element,
        life_in_seconds: None,
    });
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("encodable");
    bytes
}
