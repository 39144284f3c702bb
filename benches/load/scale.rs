//! How much a measurement does.

use std::time::Duration;

/// How much to do.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Associations, as many as there would be processes.
    pub associations: usize,
    /// Elements of each.
    pub elements_each: usize,
    /// Associations and elements of each, for the registrar's memory.
    pub full_houses: [(usize, usize); 2],
    /// How long the keep-alive of all of them is watched.
    pub watch: Duration,
    /// How long each rate is measured.
    pub measure: Duration,
    /// Measurements of each rate; the median counts.
    pub repetitions: usize,
    /// Addresses that hostile load comes from.
    pub hostile_sources: [usize; 2],
    /// How long it lasts.
    pub hostile_watch: Duration,
    /// Sessions with one element, and how many of them at a time are compared.
    pub crowd: (usize, usize),
}

/// A measurement.
pub const FULL: Scale = Scale {
    associations: 100,
    elements_each: 100,
    full_houses: [(100, 1_000), (1_000, 1)],
    watch: Duration::from_secs(10),
    measure: Duration::from_secs(1),
    repetitions: 5,
    hostile_sources: [1, 1_000],
    hostile_watch: Duration::from_secs(60),
    crowd: (10_000, 1_000),
};

/// Only to see that everything works.
pub const SMOKE: Scale = Scale {
    associations: 4,
    elements_each: 5,
    full_houses: [(3, 20), (10, 1)],
    watch: Duration::from_secs(2),
    measure: Duration::from_millis(20),
    repetitions: 1,
    hostile_sources: [1, 20],
    hostile_watch: Duration::from_millis(500),
    crowd: (40, 10),
};
