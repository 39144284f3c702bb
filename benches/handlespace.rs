//! The handlespace without a network: nanoseconds an operation for each policy, from 10 to 100 000 elements in one pool, and
//! memory an element. Without `--bench` (as `cargo test` does) it is quick and only shows that everything works.
//!
//! The workload is fixed: elements and their order come from SplitMix64, time is a counter. Operations are measured in
//! turn, in several rounds, and the median of the rounds counts.

use rserpool::driver::clock;
use rserpool::handlespace::{ElementIndex, Handlespace};
use rserpool::random::Random;
use rserpool::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// What a new element of a policy is registered with.
type MakePolicy = fn(&mut SplitMix) -> Policy;

/// The generator of the workload.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
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

const POLICIES: [(&str, MakePolicy); 9] = [
    ("RoundRobin", |_| Policy::RoundRobin),
    ("WeightedRoundRobin", |r| Policy::WeightedRoundRobin { weight: r.weight() }),
    ("Random", |_| Policy::Random),
    ("WeightedRandom", |r| Policy::WeightedRandom { weight: r.weight() }),
    ("Priority", |r| Policy::Priority { priority: r.load() }),
    ("LeastUsed", |r| Policy::LeastUsed { load: r.load() }),
    ("LeastUsedDegradation", |r| Policy::LeastUsedDegradation { load: r.load(), degradation: DEGRADATION }),
    ("PriorityLeastUsed", |r| Policy::PriorityLeastUsed { load: r.load(), degradation: DEGRADATION }),
    ("RandomizedLeastUsed", |r| Policy::RandomizedLeastUsed { load: r.load() }),
];

const OPERATIONS: [&str; 10] = [
    "register",
    "re-register, same data",
    "re-register, new data",
    "find",
    "restart a timer",
    "resolve 1",
    "resolve 3",
    "resolve 32",
    "resolve all",
    "de-register",
];

/// How much to do.
struct Scale {
    sizes: &'static [usize],
    /// Each operation of each round takes at least this long.
    least: Duration,
    rounds: usize,
}

const FULL: Scale = Scale { sizes: &[10, 100, 1_000, 10_000, 100_000], least: Duration::from_millis(10), rounds: 5 };
const SMOKE: Scale = Scale { sizes: &[10, 100], least: Duration::from_micros(100), rounds: 1 };

/// The elements of one table column.
struct Workload {
    handles: Vec<PoolHandle>,
    elements: Vec<PoolElement>,
    order: Vec<usize>,
    make_policy: MakePolicy,
    numbers: SplitMix,
}

impl Workload {
    fn new(make_policy: MakePolicy, elements: usize, pools: usize) -> Workload {
        let mut numbers = SplitMix(42u64.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let handles = (0..pools).map(|pool| PoolHandle::from(format!("Pool-{pool:08}").as_str())).collect();
        let elements: Vec<PoolElement> = (0..elements).map(|i| element(i, make_policy(&mut numbers))).collect();
        let mut order: Vec<usize> = (0..elements.len()).collect();
        numbers.shuffle(&mut order);
        Workload { handles, elements, order, make_policy, numbers }
    }

    fn handle(&self, element: usize) -> &PoolHandle {
        &self.handles[element % self.handles.len()]
    }
}

fn element(number: usize, policy: Policy) -> PoolElement {
    let address = |last: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + last));
    let transport = |port| TransportParameter::Sctp {
        port,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[address(number as u32 + 1)]),
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

/// A handlespace with its clock, which is a counter.
struct Space {
    handlespace: Handlespace,
    random: Random,
    ticks: u64,
    chosen: Vec<ElementIndex>,
}

impl Space {
    fn empty() -> Space {
        let handlespace = Handlespace::new(7, usize::MAX, usize::MAX);
        Space { handlespace, random: Random::new(7), ticks: 0, chosen: Vec::new() }
    }

    fn full(work: &Workload) -> Space {
        let mut space = Space::empty();
        work.order.iter().for_each(|&i| space.register(work, i, &work.elements[i]));
        space
    }

    fn register(&mut self, work: &Workload, number: usize, element: &PoolElement) {
        let association = Some(AssociationId::new(0, number as u64 / 100));
        let registered = self.handlespace.register(work.handle(number), element, association);
        let (index, _) = registered.expect("there is room, and the pool has one policy");
        self.restart_timer(index);
    }

    /// Five seconds from now on.
    fn restart_timer(&mut self, index: ElementIndex) {
        self.ticks += 1;
        let at = Time::from_nanos(self.ticks * 1_000) + Duration::from_secs(5);
        self.handlespace.update_liveness(index, |liveness| liveness.keep_alive_at = at);
    }

    fn find(&self, work: &Workload, number: usize) -> ElementIndex {
        self.handlespace.find(work.handle(number), work.elements[number].id).expect("it is registered")
    }

    fn resolve(&mut self, work: &Workload, number: usize, items: usize) {
        let pool = self.handlespace.find_pool(work.handle(number)).expect("the pool exists");
        self.chosen.clear();
        self.handlespace.select(pool, items, &mut self.random, &mut self.chosen);
        black_box(&self.chosen);
    }
}

/// Repeats `pass`, which does a number of operations and tells how long they took, for long enough; nanoseconds each.
fn measure(least: Duration, mut pass: impl FnMut() -> (usize, Duration)) -> f64 {
    let (mut operations, mut time) = (0, Duration::ZERO);
    while time < least {
        let (more, took) = pass();
        operations += more;
        time += took;
    }
    time.as_nanos() as f64 / operations as f64
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = clock::now();
    work();
    clock::now().saturating_since(begin)
}

fn operation(name: &str, work: &mut Workload, space: &mut Space, least: Duration) -> f64 {
    let count = work.elements.len();
    // So many in a pass that reading the clock costs nothing, and few enough that a pass is short.
    let pass = 1_000;
    let drawn = |numbers: &mut SplitMix| -> Vec<usize> {
        (0..pass).map(|_| (numbers.next() % count as u64) as usize).collect()
    };
    let each = |work: &mut Workload, space: &mut Space, act: &dyn Fn(&Workload, &mut Space, usize)| {
        measure(least, || {
            let numbers = drawn(&mut work.numbers);
            (pass, timed(|| numbers.iter().for_each(|&i| act(work, space, i))))
        })
    };
    match name {
        "register" => measure(least, || {
            let mut space = Space::empty();
            let took = timed(|| work.order.iter().for_each(|&i| space.register(work, i, &work.elements[i])));
            (count, took)
        }),
        "de-register" => measure(least, || {
            let mut space = Space::full(work);
            let took = timed(|| {
                for &i in &work.order {
                    let index = space.find(work, i);
                    black_box(space.handlespace.remove(index));
                }
            });
            assert_eq!(space.handlespace.element_count(), 0, "all of them are gone");
            (count, took)
        }),
        "re-register, same data" => each(work, space, &|work, space, i| space.register(work, i, &work.elements[i])),
        "re-register, new data" => measure(least, || {
            let numbers = drawn(&mut work.numbers);
            for &i in &numbers {
                work.elements[i].policy = (work.make_policy)(&mut work.numbers);
            }
            (pass, timed(|| numbers.iter().for_each(|&i| space.register(work, i, &work.elements[i]))))
        }),
        "find" => each(work, space, &|work, space, i| {
            black_box(space.find(work, i));
        }),
        "restart a timer" => each(work, space, &|work, space, i| {
            let index = space.find(work, i);
            space.restart_timer(index);
        }),
        resolve => {
            let items = resolve.strip_prefix("resolve ").expect("no other operation");
            let items = if items == "all" { count } else { items.parse().expect("a number") };
            let pass = (pass / items).max(1);
            measure(least, || {
                let numbers: Vec<usize> = (0..pass).map(|_| (work.numbers.next() % count as u64) as usize).collect();
                (pass, timed(|| numbers.iter().for_each(|&i| space.resolve(work, i, items))))
            })
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One policy: a row an operation, a column a size.
fn table(name: &str, make_policy: MakePolicy, scale: &Scale) {
    println!("\n{name}, nanoseconds an operation");
    let sizes: String = scale.sizes.iter().map(|size| format!("{size:>10}")).collect();
    println!("  {:<24}{sizes}", "elements in one pool");
    let mut columns: Vec<(Workload, Space)> = scale
        .sizes
        .iter()
        .map(|&size| {
            let work = Workload::new(make_policy, size, 1);
            let space = Space::full(&work);
            (work, space)
        })
        .collect();
    let mut results = vec![vec![Vec::new(); columns.len()]; OPERATIONS.len()];
    for _ in 0..scale.rounds {
        for (operation_name, row) in OPERATIONS.iter().zip(&mut results) {
            for ((work, space), cell) in columns.iter_mut().zip(row) {
                cell.push(operation(operation_name, work, space, scale.least));
            }
        }
    }
    for (operation_name, row) in OPERATIONS.iter().zip(results) {
        let cells: String = row.into_iter().map(|values| format!("{:>10.0}", median(values))).collect();
        println!("  {operation_name:<24}{cells}");
    }
}

fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

fn memory(elements: usize) {
    let work = Workload::new(POLICIES[0].1, elements, 1_000.min(elements));
    let before = resident_kb();
    let space = Space::full(&work);
    let kb = resident_kb().saturating_sub(before);
    println!("\nresident memory of {elements} elements, an element: {} bytes", kb * 1024 / elements);
    drop(black_box(space));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let scale = if arguments.iter().any(|a| a == "--bench") { FULL } else { SMOKE };
    let chosen: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|c| c.as_str() == name);
    // First of all, while the allocator has nothing to use again.
    if wanted("memory") {
        memory(*scale.sizes.last().expect("there are sizes"));
    }
    for (name, make_policy) in POLICIES {
        if wanted(name) {
            table(name, make_policy, &scale);
        }
    }
}
