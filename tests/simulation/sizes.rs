//! Worlds of a size that somebody wants, with everything else as their seed draws it.
//!
//! What is drawn is meant for a dozen processes that do something all the time. In a larger world each does it less often, so that
//! the whole world has about as much to do in a second as one processor simulates in a few; what goes wrong with single processes
//! and associations goes wrong more often, so that each has its share of it.

use super::config::{Every, Faults, MILLIS, PoolSpec, SECOND, SimConfig};
use std::time::Duration;

/// Registrations and changes a second that all registrars together hear of.
const UPDATES: u64 = 100_000;
/// Keep-alives a second.
const KEEP_ALIVES: u64 = 50_000;
/// Resolutions a second.
const RESOLUTIONS: u64 = 5000;
/// Elements register again at least so often.
const LONGEST_INTERVAL: u64 = 30 * SECOND;
/// Faults of one kind have at least this mean time between them.
const FAULT_GAP: u64 = 5 * MILLIS;
/// Elements of a pool; with more of them, there are more pools.
const POOL_SIZE: usize = 500;
const MOST_POOLS: usize = 16;
/// Connects to elements of a dead registrar may come one after another; this many rounds of them at most.
const TAKEOVER_ROUNDS: usize = 64;

/// How many there are of what; none: as drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub registrars: Option<usize>,
    pub elements: Option<usize>,
    pub users: Option<usize>,
}

impl Sizes {
    /// `REGISTRARS=`, `ELEMENTS=` and `USERS=` of the environment.
    pub fn wanted() -> Sizes {
        let size = |name| super::number(name).map(|wanted| (wanted as usize).max(1));
        Sizes { registrars: size("REGISTRARS"), elements: size("ELEMENTS"), users: size("USERS") }
    }

    pub fn are_drawn(&self) -> bool {
        *self == Sizes::default()
    }
}

impl SimConfig {
    /// The configuration of a seed, with these sizes.
    pub fn sized(seed: u64, sizes: Sizes) -> SimConfig {
        let mut config = SimConfig::swarm(seed);
        if sizes.are_drawn() {
            return config;
        }
        let drawn = config.element_processes + config.users;
        let each = config.elements_per_process;
        config.registrars = sizes.registrars.unwrap_or(config.registrars);
        config.static_registrars = if config.static_registrars == 0 { 0 } else { config.registrars };
        config.element_processes = sizes.elements.map_or(config.element_processes, |wanted| wanted.div_ceil(each));
        config.users = sizes.users.unwrap_or(config.users);
        config.crowd = ((config.element_processes + config.users) / drawn).max(1);
        config.calm_down();
        config.make_room();
        config
    }

    pub fn elements(&self) -> usize {
        self.element_processes * self.elements_per_process
    }

    /// Everybody does what it does less often, and each has its share of the faults.
    fn calm_down(&mut self) {
        let (elements, heard_by) = (self.elements() as u64, self.registrars as u64);
        let a_second = |each: u64| elements * SECOND / each.max(1);
        let interval = self.reregistration_interval.as_nanos() as u64;
        let updates = (a_second(self.element_activity) + a_second(interval)) * heard_by;
        let stretch = |time: u64| time * updates.max(UPDATES) / UPDATES;
        self.element_activity = stretch(self.element_activity);
        self.reregistration_interval = Duration::from_nanos(stretch(interval).min(LONGEST_INTERVAL).max(interval));
        let least = |count: u64, rate: u64| count * SECOND / rate;
        self.user_activity = self.user_activity.max(least(self.users as u64, RESOLUTIONS));
        let keep_alive = Duration::from_nanos(least(elements, KEEP_ALIVES));
        self.registrar.keep_alive_interval = self.registrar.keep_alive_interval.max(keep_alive);
        if self.life_seconds.is_some_and(|life| life != -1) {
            self.life_seconds = Some((self.reregistration_interval.as_millis() * 3 / 1000 + 1) as i32);
        }
        let crowd = self.crowd as u64;
        let shared = |every: Every| every.map(|mean| (mean / crowd).max(FAULT_GAP.min(mean)));
        let faults = &self.faults;
        self.faults = Faults {
            client_crash: shared(faults.client_crash),
            client_hang: shared(faults.client_hang),
            association_break: shared(faults.association_break),
            half_open: shared(faults.half_open),
            stall: shared(faults.stall),
            ..faults.clone()
        };
    }

    /// Bounds that small worlds never meet.
    fn make_room(&mut self) {
        let (elements, drawn) = (self.elements(), self.pools.len());
        for number in drawn..(elements / POOL_SIZE).min(MOST_POOLS) {
            let policy = self.pools[number % drawn].policy.clone();
            self.pools.push(PoolSpec { name: format!("pool-{number}"), policy });
        }
        let registrar = &mut self.registrar;
        registrar.max_associations = registrar.max_associations.max(2 * (elements + self.users));
        registrar.max_pool_elements = registrar.max_pool_elements.max(2 * elements);
        registrar.max_takeover_connects = registrar.max_takeover_connects.max(elements / TAKEOVER_ROUNDS);
    }
}
