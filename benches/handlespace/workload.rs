//! The elements, the same for every library: numbers and order come from SplitMix64.

use rserpool::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// What a new element of a policy is registered with.
pub type MakePolicy = fn(&mut SplitMix) -> Policy;

/// The generator of the workload.
pub struct SplitMix(u64);

impl SplitMix {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn weight(&mut self) -> u32 {
        1 + (self.next() % 99) as u32
    }

    fn load(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

const DEGRADATION: u32 = 0x0080_0000;
/// A penalty of 1 % of the whole for ten milliseconds.
const DPF: u32 = 0x0041_8937;

fn distance(numbers: &mut SplitMix) -> u32 {
    (numbers.next() % 5) as u32 * 50
}

pub const POLICIES: [(&str, MakePolicy); 16] = [
    ("RoundRobin", |_| Policy::RoundRobin),
    ("WeightedRoundRobin", |r| Policy::WeightedRoundRobin { weight: r.weight() }),
    ("Random", |_| Policy::Random),
    ("WeightedRandom", |r| Policy::WeightedRandom { weight: r.weight() }),
    ("Priority", |r| Policy::Priority { priority: r.load() }),
    ("LeastUsed", |r| Policy::LeastUsed { load: r.load() }),
    ("LeastUsedDegradation", |r| Policy::LeastUsedDegradation { load: r.load(), degradation: DEGRADATION }),
    ("PriorityLeastUsed", |r| Policy::PriorityLeastUsed { load: r.load(), degradation: DEGRADATION }),
    ("RandomizedLeastUsed", |r| Policy::RandomizedLeastUsed { load: r.load() }),
    ("RandomizedPriorityLeastUsed", |r| Policy::RandomizedPriorityLeastUsed {
        load: r.load(),
        degradation: DEGRADATION,
    }),
    ("RandomizedLeastUsedDegradation", |r| Policy::RandomizedLeastUsedDegradation {
        load: r.load(),
        degradation: DEGRADATION,
    }),
    ("PriorityLeastUsedDegradation", |r| Policy::PriorityLeastUsedDegradation {
        load: r.load(),
        degradation: DEGRADATION,
    }),
    ("RandomizedPriorityLeastUsedDegradation", |r| Policy::RandomizedPriorityLeastUsedDegradation {
        load: r.load(),
        degradation: DEGRADATION,
    }),
    ("WeightedRandomDPF", |r| Policy::WeightedRandomDpf { weight: r.weight(), weight_dpf: DPF, distance: distance(r) }),
    ("LeastUsedDPF", |r| Policy::LeastUsedDpf { load: r.load(), load_dpf: DPF, distance: distance(r) }),
    ("LeastUsedDegradationDPF", |r| Policy::LeastUsedDegradationDpf {
        load: r.load(),
        degradation: DEGRADATION,
        load_dpf: DPF,
        distance: distance(r),
    }),
];

/// The elements of one column of a table.
pub struct Workload {
    handles: Vec<PoolHandle>,
    /// The pool of each element.
    pools: Vec<u32>,
    pub elements: Vec<PoolElement>,
    /// In which they register and de-register.
    pub order: Vec<usize>,
    make_policy: MakePolicy,
    pub numbers: SplitMix,
}

impl Workload {
    pub fn new(make_policy: MakePolicy, elements: usize, pools: usize) -> Workload {
        let mut numbers = SplitMix(42u64.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let handles = (0..pools).map(|pool| PoolHandle::from(format!("Pool-{pool:08}").as_str())).collect();
        let elements: Vec<PoolElement> = (0..elements).map(|i| element(i, make_policy(&mut numbers))).collect();
        let mut order: Vec<usize> = (0..elements.len()).collect();
        numbers.shuffle(&mut order);
        let pools = (0..elements.len()).map(|i| (i % pools) as u32).collect();
        Workload { handles, pools, elements, order, make_policy, numbers }
    }

    pub fn handle(&self, element: usize) -> &PoolHandle {
        &self.handles[self.pools[element] as usize]
    }

    /// The association that an element registers on.
    pub fn association(element: usize) -> u64 {
        element as u64 / 100
    }

    /// Random elements.
    pub fn drawn(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| (self.numbers.next() % self.elements.len() as u64) as usize).collect()
    }

    /// New policy values for an element.
    pub fn change(&mut self, element: usize) {
        self.elements[element].policy = (self.make_policy)(&mut self.numbers);
    }
}

pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0001 + number as u32)
}

fn element(number: usize, policy: Policy) -> PoolElement {
    let transport = |port| TransportParameter::Sctp {
        port,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[IpAddr::V4(address(number))]),
    };
    PoolElement {
        id: PoolElementId((number as u64 + 1).wrapping_mul(2_654_435_761) as u32),
        home_registrar: RegistrarId(1),
        registration_life: RegistrationLife::for_interval(Duration::from_secs(300)),
        user_transport: transport(5000),
        policy,
        asap_transport: Some(transport(5001)),
    }
}
