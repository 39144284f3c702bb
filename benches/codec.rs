//! Messages to bytes and back, and resolutions by the registrar core, from the bytes of a request to those of its answer:
//! nanoseconds and allocations each. Without `--bench` it is quick and only shows that
//! everything works.

use rserpool::driver::clock;
use rserpool::message::AsapMessage;
use rserpool::message::asap::{EndpointKeepAlive, RegistrationResponse};
use rserpool::message::asap::{HandleResolution, HandleResolutionResponse, Registration};
use rserpool::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn element(number: u32) -> PoolElement {
    let transport = |port| TransportParameter::Sctp {
        port,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[[10, 0, 0, 1].into()]),
    };
    PoolElement {
        id: PoolElementId(number),
        home_registrar: RegistrarId(1),
        registration_life: RegistrationLife::for_interval(Duration::from_secs(300)),
        user_transport: transport(5000),
        policy: Policy::LeastUsed { load: 7 },
        asap_transport: None,
    }
}

fn messages() -> Vec<(&'static str, AsapMessage)> {
    let pool_handle = PoolHandle::from("Pool-00000001");
    let response = |elements: u32| {
        AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
            accept_updates: false,
            pool_handle: pool_handle.clone(),
            policy: Some(Policy::LeastUsed { load: 7 }),
            pool_elements: (1..=elements).map(element).collect(),
            error: None,
        })
    };
    vec![
        (
            "resolution",
            AsapMessage::HandleResolution(HandleResolution {
                subscribe: false,
                pool_handle: pool_handle.clone(),
                items: Some(3),
            }),
        ),
        ("resolution response, 3 elements", response(3)),
        ("resolution response, 32 elements", response(32)),
        (
            "registration",
            AsapMessage::Registration(Registration {
                pool_handle: pool_handle.clone(),
                pool_element: element(1),
                life_in_seconds: None,
            }),
        ),
        (
            "registration response",
            AsapMessage::RegistrationResponse(RegistrationResponse {
                reject: false,
                pool_handle: pool_handle.clone(),
                pool_element_id: PoolElementId(1),
                error: None,
                registrars: Vec::new(),
                life_in_seconds: None,
            }),
        ),
        (
            "keep-alive",
            AsapMessage::EndpointKeepAlive(EndpointKeepAlive {
                home: false,
                registrar_id: RegistrarId(1),
                pool_handle,
                pool_element_id: Some(PoolElementId(1)),
                registrars: Vec::new(),
            }),
        ),
    ]
}

/// Nanoseconds and allocations of one call, the best of several rounds.
fn measure(calls: usize, mut call: impl FnMut()) -> (f64, f64) {
    let mut best = f64::MAX;
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let rounds = 5;
    for _ in 0..rounds {
        let begin = clock::now();
        (0..calls).for_each(|_| call());
        best = best.min(clock::now().saturating_since(begin).as_nanos() as f64 / calls as f64);
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (best, allocations as f64 / (rounds * calls) as f64)
}

/// A registrar core that knows a pool of a thousand elements, and one association.
#[cfg(feature = "registrar")]
fn registrar(association: rserpool::AssociationId, policy: &Policy) -> rserpool::registrar::Registrar {
    use rserpool::association::{Peer, PeerAddress, TransportKind};
    use rserpool::registrar::{Event, Link, Registrar, RegistrarConfig};
    let config =
        RegistrarConfig { max_resolutions_per_second: u32::MAX, announce: false, ..RegistrarConfig::default() };
    let (mut registrar, mut actions) =
        (Registrar::new(config.validated().expect("settings that can work"), 1, rserpool::Time::ZERO), Vec::new());
    let address = PeerAddress::new([10, 0, 0, 1].into(), 5001);
    let peer = Peer { address, inbound: true, kind: TransportKind::Memory };
    let up = Event::AssociationUp { link: Link::Asap, association, attempt: None, peer };
    registrar.handle(rserpool::Time::ZERO, up, &mut actions);
    for number in 1..=1_000 {
        let pool_element = PoolElement { policy: policy.clone(), ..element(number) };
        let mut bytes = Vec::new();
        let registration =
            Registration { pool_handle: PoolHandle::from("Pool-00000001"), pool_element, life_in_seconds: None };
        AsapMessage::Registration(registration).encode(&mut bytes).expect("encodable");
        let message = Event::Message { association, ppid: rserpool::wire::PPID_ASAP, bytes: &bytes };
        // Of new registrations, a registrar takes so many at once and lets the others wait.
        registrar.handle(rserpool::Time::ZERO + Duration::from_millis(number.into()), message, &mut actions);
    }
    assert_eq!(registrar.handlespace().element_count(), 1_000);
    registrar
}

/// What a driver does for a request, without the system calls.
#[cfg(feature = "registrar")]
fn measure_registrar(calls: usize) {
    use rserpool::registrar::{Action, Event};
    println!("\n{:<36}{:>8}{:>12}{:>14}", "resolution by the registrar core", "bytes", "ns", "allocations");
    let association = rserpool::AssociationId::new(0, 1);
    for (name, policy) in [("RoundRobin", Policy::RoundRobin), ("LeastUsed", Policy::LeastUsed { load: 7 })] {
        let mut registrar = registrar(association, &policy);
        for items in [1, 3, 32] {
            let pool_handle = PoolHandle::from("Pool-00000001");
            let (mut request, mut actions, mut length) = (Vec::new(), Vec::new(), 0);
            let question = HandleResolution { subscribe: false, pool_handle, items: Some(items) };
            AsapMessage::HandleResolution(question).encode(&mut request).expect("encodable");
            let (time, allocations) = measure(calls, || {
                let message =
                    Event::Message { association, ppid: rserpool::wire::PPID_ASAP, bytes: black_box(&request) };
                registrar.handle(rserpool::Time::from_secs(1), message, &mut actions);
                let Some(Action::Send { bytes, .. }) = actions.pop() else { panic!("an answer") };
                length = black_box(&bytes).len();
                registrar.recycle(bytes);
                black_box(registrar.next_deadline());
            });
            println!("{:<36}{length:>8}{time:>12.0}{allocations:>14.1}", format!("{name}, {items} of 1000"));
        }
    }
}

fn main() {
    let calls = if std::env::args().any(|argument| argument == "--bench") { 200_000 } else { 100 };
    println!(
        "{:<36}{:>8}{:>12}{:>14}{:>12}{:>14}",
        "message", "bytes", "encode ns", "allocations", "decode ns", "allocations"
    );
    for (name, message) in messages() {
        let mut bytes = Vec::with_capacity(4096);
        let (encode, encode_allocations) = measure(calls, || {
            bytes.clear();
            black_box(&message).encode(&mut bytes).expect("encodable");
        });
        assert_eq!(AsapMessage::decode(&bytes).expect("decodable").message, message);
        let (decode, decode_allocations) = measure(calls, || {
            black_box(AsapMessage::decode(black_box(&bytes)).expect("decodable"));
        });
        println!(
            "{name:<36}{:>8}{encode:>12.0}{encode_allocations:>14.1}{decode:>12.0}{decode_allocations:>14.1}",
            bytes.len()
        );
    }
    #[cfg(feature = "registrar")]
    measure_registrar(calls);
}
