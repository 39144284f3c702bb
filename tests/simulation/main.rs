//! Deterministic simulation: the real registrar and client cores on a simulated network, with faults, in virtual time; and sessions
//! over a transport in virtual time (`sessions`).
//!
//! `SEED=n RUNS=m` chooses the seeds; without them the committed ones run (`seeds.txt`) and a fixed number of others.
//! `REGISTRARS=100 ELEMENTS=1000 USERS=200` makes the worlds larger than the drawn ones (`sizes.rs`), with the same faults and
//! checks, and says how far they are.
//! `make simulate ROGUES=1` runs those with rogues (`rogues`) instead.
//! `TRACE=1` prints every event of the one seed. A failure prints its seed, its configuration and what happened last.

#[path = "../support/mod.rs"]
mod support;

mod bad_links;
mod checkers;
mod config;
mod enrp;
mod faults;
mod node;
mod queue;
mod rogues;
mod run;
mod sabotage;
mod scaling;
mod second_opinions;
mod sessions;
mod sizes;
mod surroundings;
mod trace;
mod workload;
mod world;

use config::SimConfig;
use rserpool::driver::clock;
use run::Report;
use sizes::Sizes;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use trace::Mode;

/// Fresh seeds of an ordinary test run.
const FRESH: u64 = 100;
/// Fresh seeds with rogues of an ordinary test run.
const BESIEGED: u64 = 60;
/// Seeds of the larger worlds of an ordinary test run.
const LARGE: [u64; 2] = [2, 6];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// The seeds that have found something, one a line, and what it was.
fn committed() -> Vec<u64> {
    let lines = include_str!("seeds.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().next().and_then(|seed| seed.parse().ok()).expect("a seed")).collect()
}

fn seeds(usual: impl Iterator<Item = u64>) -> Vec<u64> {
    match (number("SEED"), number("RUNS")) {
        (None, None) => usual.collect(),
        (first, runs) => {
            let first = first.unwrap_or(1);
            (first..first + runs.unwrap_or(1)).collect()
        }
    }
}

/// What a seed runs.
type Configure<'a> = &'a (dyn Fn(u64) -> SimConfig + Sync);

/// Runs all seeds, on all processors; the failures, in the order of the seeds.
fn run_all(seeds: &[u64], config: Configure<'_>, mode: Mode) -> (Vec<Report>, Vec<String>) {
    let next = AtomicU64::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let result = run::run(&config(*seed), mode);
                    results.lock().expect("no panic").push((*seed, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no panic");
    results.sort_by_key(|(seed, _)| *seed);
    let (mut reports, mut failures) = (Vec::new(), Vec::new());
    for (_, result) in results {
        match result {
            Ok(report) => reports.push(report),
            Err(failure) => failures.push(failure),
        }
    }
    (reports, failures)
}

/// Runs seeds and says what they came to; fails when one of them does.
fn all_pass(seeds: &[u64], config: Configure<'_>, mode: Mode) {
    let (started, count) = (clock::now(), seeds.len());
    // A panic in a core is reported with its seed.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (reports, failures) = run_all(seeds, config, mode);
    std::panic::set_hook(hook);
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    println!(
        "{count} seeds, {} failed, {:.1} s: {} events, {} requests, {} resolutions; last resolutions {} of {}; slowest \
         settling {:.1} s; traces {:016x}",
        failures.len(),
        clock::now().saturating_since(started).as_secs_f64(),
        sum(|r| r.events),
        sum(|r| r.completed),
        sum(|r| r.resolved),
        sum(|r| r.last_resolved),
        sum(|r| r.last_resolutions),
        reports.iter().map(|r| r.settled_after).max().unwrap_or(0) as f64 / 1e9,
        // Two builds that behave alike have the same one.
        reports.iter().fold(0u64, |all, r| all.rotate_left(1) ^ r.hash),
    );
    if let Some(first) = failures.first() {
        let all: Vec<_> = failures.iter().filter_map(|failure| failure.lines().next()).collect();
        panic!("{} of {count} seeds failed:\n{}\n\nthe first one: {first}", failures.len(), all.join("\n"));
    }
}

/// Runs the seeds that are asked for, and prints what happens if that is asked for.
fn run_wanted(seeds: &[u64], config: Configure<'_>, mode: Mode) {
    if number("TRACE").is_none() {
        return all_pass(seeds, config, mode);
    }
    for seed in seeds {
        match run::attempt(&config(*seed), Mode::Print) {
            Ok(report) => println!("SEED={seed}: {report:?}"),
            Err((what, _)) => panic!("SEED={seed}: {what}"),
        }
    }
}

#[test]
fn all_seeds_pass() {
    let sizes = Sizes::wanted();
    let mode = if sizes.are_drawn() { Mode::Hash } else { Mode::Progress };
    run_wanted(&seeds(committed().into_iter().chain(1..=FRESH)), &|seed| SimConfig::sized(seed, sizes), mode);
}

/// Registrars, elements and users among rogues, who are nobody's peers and send anything at any time.
#[test]
fn rogues_change_nothing() {
    run_wanted(&seeds(1..=BESIEGED), &SimConfig::besieged, Mode::Hash);
}

/// A dozen registrars and hundreds of elements: what only shows when there are many of them.
#[test]
fn larger_worlds_pass() {
    let sizes = Sizes { registrars: Some(12), elements: Some(240), users: Some(40) };
    all_pass(&LARGE, &|seed| SimConfig::sized(seed, sizes), Mode::Hash);
}

#[test]
fn a_seed_gives_the_same_trace_again() {
    for seed in committed().into_iter().take(5).chain(1..=10) {
        let config = SimConfig::swarm(seed);
        let first = run::attempt(&config, Mode::Hash).map_err(|(what, _)| what);
        let second = run::attempt(&config, Mode::Keep).map_err(|(what, _)| what);
        assert_eq!(first, second, "SEED={seed}");
    }
    let hash = |seed| run::attempt(&SimConfig::swarm(seed), Mode::Hash).map(|report| report.hash).ok();
    assert_ne!(hash(1), hash(2), "different seeds do different things");
}
