//! What one seed runs: swarm testing draws numbers of nodes, timers, features and fault rates anew for each seed, so that
//! combinations are tried that nobody would think of.

use super::enrp::Discovery;
use super::rogues::Rogues;
use rserpool::PoolHandle;
use rserpool::asap::AsapConfig;
use rserpool::association::TransportKind;
use rserpool::random::Random;
use rserpool::registrar::RegistrarConfig;
use rserpool::wire::Policy;
use std::time::Duration;

pub const MILLIS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// Mean time between two faults of a kind, in nanoseconds; none: never.
pub type Every = Option<u64>;

/// The faults of a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// A process of pool elements or users is killed, and started again later.
    pub client_crash: Every,
    /// A registrar is killed, and started again later.
    pub registrar_crash: Every,
    /// A registrar is asked to leave, and started again later.
    pub registrar_leave: Every,
    /// A process of pool elements is stopped (SIGSTOP) and continued later.
    pub client_hang: Every,
    /// A registrar is stopped and continued later.
    pub registrar_hang: Every,
    /// An association breaks; both ends notice, each at its time, and the tail is lost.
    pub association_break: Every,
    /// One end gives an association up, the other one notices much later.
    pub half_open: Every,
    /// Nothing gets through an association for a while, in one direction.
    pub stall: Every,
    /// Some nodes are cut off from the others, in one direction or both.
    pub partition: Every,
    /// Partitions are between registrars only.
    pub partition_registrars_only: bool,
}

/// A pool of the run.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    pub name: String,
    pub policy: Policy,
}

/// Everything that a seed decides beforehand.
#[derive(Clone, Debug)]
pub struct SimConfig {
    pub seed: u64,
    pub registrars: usize,
    pub element_processes: usize,
    pub elements_per_process: usize,
    pub users: usize,
    /// How many times as many processes with elements or users there are as a seed draws.
    pub crowd: usize,
    pub pools: Vec<PoolSpec>,
    /// Shortest and longest time on the way, in nanoseconds.
    pub latency: (u64, u64),
    /// Time in which a transport notices that the other end is gone.
    pub detection: (u64, u64),
    /// Clocks run faster or slower by up to this many parts in a million.
    pub skew_ppm: u64,
    /// SCTP in user space: a stopped process answers no heartbeats either.
    pub hang_breaks_associations: bool,
    /// The kernel tells the other ends when a process dies.
    pub crash_aborts: bool,
    /// In a thousand.
    pub datagram_loss: u64,
    pub datagram_duplicates: u64,
    /// Clients hear announcements.
    pub clients_hear_announcements: bool,
    /// Clients know these many registrars beforehand.
    pub static_registrars: usize,
    /// Mean time between two things that a process of elements does.
    pub element_activity: u64,
    /// Mean time between two resolutions of a pool user.
    pub user_activity: u64,
    /// Elements of a resolution that turn out dead are reported.
    pub reports: bool,
    /// Some reports are false.
    pub false_reports: bool,
    /// Registration life of the elements in seconds; none: the library's own choice.
    pub life_seconds: Option<i32>,
    pub reregistration_interval: Duration,
    /// How long faults go on.
    pub chaos: u64,
    pub faults: Faults,
    pub discovery: Discovery,
    pub rogues: Rogues,
    pub registrar: RegistrarConfig,
    pub client: AsapConfig,
}

impl SimConfig {
    /// The configuration of a seed.
    pub fn swarm(seed: u64) -> SimConfig {
        let mut random = Random::new(seed ^ 0x5eed_c0f1_6000_0000);
        let r = &mut random;
        let registrars = super::enrp::draw_registrars(r);
        let fast = r.below(2) == 0;
        let latency = pick(r, &[(MILLIS / 10, MILLIS), (MILLIS, 5 * MILLIS), (MILLIS, 60 * MILLIS)]);
        let detection = pick(r, &[(50 * MILLIS, 400 * MILLIS), (SECOND / 2, 3 * SECOND), (SECOND, 6 * SECOND)]);
        let interval = Duration::from_millis(pick(r, &[500, 1000, 2000, 5000]));
        let life = match r.below(3) {
            0 => None,
            1 => Some(-1),
            _ => Some((interval.as_millis() * 3 / 1000 + 1) as i32),
        };
        let pools = (0..1 + r.below(4)).map(|i| PoolSpec { name: format!("pool-{i}"), policy: policy(r) }).collect();
        let hear = r.below(2) == 0;
        let config = SimConfig {
            seed,
            registrars,
            element_processes: 1 + r.below(8) as usize,
            elements_per_process: 1 + r.below(3) as usize,
            users: 1 + r.below(4) as usize,
            crowd: 1,
            pools,
            latency,
            detection,
            skew_ppm: pick(r, &[0, 100, 10_000, 30_000]),
            hang_breaks_associations: r.below(2) == 0,
            crash_aborts: r.below(3) > 0,
            datagram_loss: pick(r, &[0, 100, 400]),
            datagram_duplicates: pick(r, &[0, 100]),
            clients_hear_announcements: hear,
            static_registrars: if hear && r.below(2) == 0 { 0 } else { registrars },
            element_activity: pick(r, &[300 * MILLIS, SECOND, 5 * SECOND]),
            user_activity: pick(r, &[50 * MILLIS, 300 * MILLIS, 2 * SECOND]),
            reports: r.below(2) == 0,
            false_reports: r.below(4) == 0,
            life_seconds: life,
            reregistration_interval: interval,
            chaos: pick(r, &[5, 10, 20, 30]) * SECOND,
            faults: faults(r),
            discovery: Discovery::Configured,
            rogues: Rogues::default(),
            registrar: registrar(r, fast),
            client: client(r, fast),
        };
        SimConfig { discovery: Discovery::draw(seed, &config.registrar), ..config }
    }

    pub fn has_rogues(&self) -> bool {
        self.rogues.count > 0
    }

    /// Which of the pools of the run has this handle.
    pub fn pool_number(&self, handle: &PoolHandle) -> Option<usize> {
        self.pools.iter().position(|pool| pool.name.as_bytes() == handle.as_bytes())
    }

    /// Processes that have part in the scope; those behind them in the table of nodes are rogues and bystanders.
    pub fn honest(&self) -> usize {
        self.registrars + self.element_processes + self.users
    }

    /// Everything in nanoseconds that a clock of the run may take longer than it should.
    pub fn stretched(&self, duration: u64) -> u64 {
        duration + duration / 1_000_000 * (self.skew_ppm + self.skew_ppm / 10)
    }
}

fn pick<T: Clone>(random: &mut Random, choices: &[T]) -> T {
    choices[random.below(choices.len() as u64) as usize].clone()
}

fn policy(random: &mut Random) -> Policy {
    pick(
        random,
        &[
            Policy::RoundRobin,
            Policy::Random,
            Policy::WeightedRoundRobin { weight: 2 },
            Policy::WeightedRandom { weight: 3 },
            Policy::Priority { priority: 1 },
            Policy::LeastUsed { load: 1000 },
            Policy::LeastUsedDegradation { load: 1000, degradation: 100 },
            Policy::PriorityLeastUsed { load: 1000, degradation: 100 },
            Policy::RandomizedLeastUsed { load: 1000 },
        ],
    )
}

/// Each kind of fault is on or off, and frequent or rare.
fn faults(r: &mut Random) -> Faults {
    let mut every = |one_in: u64, choices: &[u64]| (r.below(one_in) == 0).then(|| pick(r, choices) * MILLIS);
    Faults {
        client_crash: every(2, &[1000, 4000]),
        registrar_crash: every(2, &[3000, 10_000]),
        registrar_leave: every(4, &[5000, 10_000]),
        client_hang: every(3, &[2000, 6000]),
        registrar_hang: every(3, &[4000, 10_000]),
        association_break: every(2, &[500, 3000]),
        half_open: every(3, &[1000, 4000]),
        stall: every(3, &[500, 3000]),
        partition: every(2, &[4000, 10_000]),
        partition_registrars_only: every(2, &[1]).is_some(),
    }
}

fn registrar(r: &mut Random, fast: bool) -> RegistrarConfig {
    let base = RegistrarConfig {
        announce: true,
        announce_interval: Duration::from_millis(pick(r, &[200, 1000])),
        max_bad_pe_report: pick(r, &[0, 1, 3]),
        max_items_default: pick(r, &[1, 3, 32]),
        subscription_delay: Duration::from_millis(pick(r, &[0, 100])),
        ..RegistrarConfig::default()
    };
    let base = super::enrp::timers(base, r, fast);
    if !fast {
        return base;
    }
    RegistrarConfig {
        keep_alive_interval: Duration::from_millis(pick(r, &[300, 1000])),
        keep_alive_timeout: Duration::from_millis(pick(r, &[300, 1000])),
        ..base
    }
}

fn client(r: &mut Random, fast: bool) -> AsapConfig {
    let transports = pick(
        r,
        &[vec![TransportKind::Memory], vec![TransportKind::Memory], vec![TransportKind::Tcp, TransportKind::Memory]],
    );
    let base = AsapConfig { registrar_transports: transports, ..AsapConfig::default() };
    if !fast {
        return base;
    }
    AsapConfig {
        connect_timeout: Duration::from_millis(500),
        t1_enrp_request: Duration::from_millis(300),
        t2_registration: Duration::from_millis(500),
        t3_deregistration: Duration::from_millis(500),
        t5_server_hunt: Duration::from_millis(200),
        t5_max: Duration::from_millis(pick(r, &[1000, 2000])),
        t7_enrp_outdate: Duration::from_secs(3),
        ..base
    }
}
