//! Sessions of pool users with elements that die, hang, hang up at once, are full or have too few streams, over the transport in
//! memory: each message that a send call took is delivered, delivered again to the next element, or reported. Never lost in silence.
//!
//! The session cores are the real ones, and the transport keeps the contract of the others. Registrars are a list here: how they find
//! out and agree is what the rest of this program is about.

mod books;
mod element;
mod faults;
mod user;
mod world;

use rserpool::Time;
use std::time::Duration;
use world::{Sabotage, World};

/// Worlds in an ordinary test run.
const FRESH: u64 = 60;
/// How long things go wrong, and how long after that all is to be well.
const TROUBLE: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(60);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Report {
    accepted: usize,
    /// Delivered to more than one element, as an acknowledgement was lost.
    twice: usize,
    reported: usize,
    failovers: usize,
}

fn run(seed: u64, sabotage: Option<Sabotage>) -> Result<Report, String> {
    let mut world = World::new(seed, sabotage);
    let end = Time::ZERO + TROUBLE;
    world.run_until(end);
    world.heal();
    world.run_until(end + CALM);
    world.judge().map_err(|what| format!("seed {seed}: {what}; again with SEED={seed} RUNS=1"))
}

#[test]
fn all_seeds_pass() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SEED").unwrap_or(1);
    let seeds = first..first + number("RUNS").unwrap_or(if number("SEED").is_some() { 1 } else { FRESH });
    let (mut sum, mut failures) = (Report::default(), Vec::new());
    for seed in seeds.clone() {
        match run(seed, None) {
            Ok(report) => {
                sum.accepted += report.accepted;
                sum.twice += report.twice;
                sum.reported += report.reported;
                sum.failovers += report.failovers;
            }
            Err(failure) => failures.push(failure),
        }
    }
    println!("sessions: {} seeds, {} failed: {sum:?}", seeds.count(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(sum.failovers > 0 && sum.accepted > 0, "nothing was tried: {sum:?}");
}

#[test]
fn a_seed_gives_the_same_run_again() {
    assert_eq!(run(3, None), run(3, None));
}

#[test]
fn a_driver_that_loses_what_came_back_is_noticed() {
    let noticed = (1..20).filter_map(|seed| run(seed, Some(Sabotage::ForgetsUndelivered)).err());
    assert!(noticed.into_iter().any(|what| what.contains("lost in silence")));
}

#[test]
fn a_driver_that_sends_something_twice_is_noticed() {
    let noticed = (1..20).filter_map(|seed| run(seed, Some(Sabotage::ResendsTwice)).err());
    assert!(noticed.into_iter().any(|what| what.contains("after")));
}
