//! Load on real processes over loopback: a registrar with thousands of elements, resolutions and session round trips a second
//! as ratios to the raw transport in the same run. `make bench` runs it; without `--bench` (as `cargo test` does) it is
//! quick and only shows that everything works.

mod calls;
mod child;
mod crowd;
mod download;
mod echo;
mod fleet;
mod knot;
mod memory;
mod registrar;
mod resolution;
mod session;

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
    /// Sessions with one element, and how many of them at a time are compared.
    pub crowd: (usize, usize),
}

const FULL: Scale = Scale {
    associations: 100,
    elements_each: 100,
    full_houses: [(100, 1_000), (1_000, 1)],
    watch: Duration::from_secs(10),
    measure: Duration::from_secs(1),
    repetitions: 5,
    crowd: (10_000, 1_000),
};

const SMOKE: Scale = Scale {
    associations: 4,
    elements_each: 5,
    full_houses: [(3, 20), (10, 1)],
    watch: Duration::from_secs(2),
    measure: Duration::from_millis(20),
    repetitions: 1,
    crowd: (40, 10),
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, what, rest @ ..] = &arguments[..] {
        if first == child::SERVE {
            return child::serve(what, rest);
        }
    }
    let scale = if arguments.iter().any(|a| a == "--bench") { FULL } else { SMOKE };
    let chosen: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|c| name.contains(c.as_str()));
    if wanted("registrar") {
        registrar::run(scale);
    }
    if wanted("memory") {
        memory::run(scale);
    }
    if wanted("calls") {
        calls::run(scale);
    }
    if wanted("download") {
        download::run(scale);
    }
    if wanted("resolution") {
        resolution::run(scale);
    }
    if wanted("knot") {
        resolution::run_beside_knot(scale);
    }
    if wanted("session") {
        session::run(scale);
    }
    if wanted("crowd") {
        crowd::run(scale);
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A line of the table.
pub fn row(what: &str, value: &str) {
    println!("  {what:<58} {value:>16}");
}
