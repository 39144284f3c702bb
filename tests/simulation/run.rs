//! A run: faults, then healing, then everything has to settle and to stay so.

use super::checkers::convergence;
use super::config::{MILLIS, SECOND, SimConfig};
use super::rogues::{Setting, siege};
use super::trace::Mode;
use super::workload::Command;
use super::world::{What, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How often it is looked whether everything has settled.
const LOOK: u64 = 100 * MILLIS;

/// Elements, counted at each registrar, for each time that they are looked at.
const ELEMENTS_A_LOOK: usize = 50_000;

/// How long it has to stay so.
const QUIET: u64 = 10 * SECOND;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub hash: u64,
    pub events: u64,
    pub completed: u64,
    pub resolved: u64,
    pub last_resolutions: u64,
    pub last_resolved: u64,
    /// Time from the end of the faults to agreement.
    pub settled_after: u64,
    pub bound: u64,
}

/// Runs what a seed decided; on a failure once more, to tell what happened.
pub fn run(config: &SimConfig, mode: Mode) -> Result<Report, String> {
    match attempt(config, mode) {
        Ok(report) => Ok(report),
        Err((first, _)) => {
            let (again, lines) =
                attempt(config, Mode::Keep).err().unwrap_or(("does not fail again".to_owned(), String::new()));
            let second = if again == first { String::new() } else { format!("\nsecond time: {again}") };
            let seed = config.seed;
            Err(format!(
                "SEED={seed}: {first}{second}\n\nlast events:\n{lines}\nconfiguration: {:?}\n\n\
                 every event of it: make simulate SEED={seed} TRACE=1{}, with the sizes (REGISTRARS=, ...) that were given",
                config,
                if config.has_rogues() { " ROGUES=1" } else { "" }
            ))
        }
    }
}

/// Runs a seed once; a panic in a core is a failure like others.
pub fn attempt(config: &SimConfig, mode: Mode) -> Result<Report, (String, String)> {
    let mut world = World::new(config.clone(), mode);
    let result = catch_unwind(AssertUnwindSafe(|| phases(&mut world)));
    match result {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(what)) => Err((what, world.trace.last_lines())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let what = format!("at {:.6} s: panic: {}", world.now as f64 / 1e9, text.unwrap_or_default());
            Err((what, world.trace.last_lines()))
        }
    }
}

fn phases(world: &mut World) -> Result<Report, String> {
    if world.config.has_rogues() && world.config.rogues.setting == Setting::Peace {
        return siege(world);
    }
    world.start_all();
    world.rogues_come();
    world.begin_chaos();
    let chaos = world.config.chaos;
    go_on(world, chaos, "faults")?;
    world.heal();
    let settled_after = settle(world)?;
    last_resolutions(world)?;
    Ok(report(world, settled_after))
}

/// What a run has come to.
pub fn report(world: &World, settled_after: u64) -> Report {
    Report {
        hash: world.trace.hash(),
        events: world.trace.events,
        completed: world.checks.completed,
        resolved: world.checks.resolved,
        last_resolutions: world.checks.last_resolutions,
        last_resolved: world.checks.last_resolved,
        settled_after,
        bound: convergence::bound(&world.config),
    }
}

pub fn go_on(world: &mut World, time: u64, state: &str) -> Result<(), String> {
    let until = world.now + time;
    while world.now < until {
        let step = (world.now + LOOK).min(until);
        world.run_until(step);
        world.sweep();
        world.trace.progress(world.now, state);
        if let Some(what) = &world.failure {
            return Err(what.clone());
        }
    }
    Ok(())
}

/// Waits until everything has settled, and then a while to see whether it stays so; returns when it was so for good.
///
/// What is left of the faults, such as a stalled association or one of which only one end is left, may unsettle things
/// once more: until these aftershocks are over.
pub fn settle(world: &mut World) -> Result<u64, String> {
    let healed = world.now;
    let (bound, aftershocks) = (convergence::bound(&world.config), convergence::aftershocks(&world.config));
    let mut since = None;
    // An element that registers late, and so is settled late, may still be moved to where it belongs when it registers again.
    // That it is not moved for ever, the bound sees to.
    let spreading = crate::enrp::spreading_time(&world.config);
    let pause = pause_between_looks(&world.config);
    loop {
        let passed = world.now - healed;
        let unsettled = world.unsettled();
        let state = unsettled.clone().unwrap_or_else(|| "settled; it has to stay so".to_owned());
        match (unsettled, since) {
            (Some(what), Some(at)) if at > aftershocks && passed > at + spreading => {
                let after = (passed - at) as f64 / 1e9;
                return Err(format!("unsettled again {after:.3} s after it was, without a fault: {what}"));
            }
            (Some(what), _) if passed > bound => {
                return Err(format!("not settled {:.3} s after the last fault: {what}", passed as f64 / 1e9));
            }
            (Some(_), _) => since = None,
            (None, None) => since = Some(passed),
            (None, Some(at)) if passed > (at + spreading).max(aftershocks) + QUIET => return Ok(at),
            (None, Some(_)) => {}
        }
        go_on(world, pause, &state)?;
    }
}

/// A look at a large world takes as long as its registrars know elements: then there are fewer of them.
fn pause_between_looks(config: &SimConfig) -> u64 {
    let known = config.registrars * config.elements();
    LOOK * (1 + (known / ELEMENTS_A_LOOK) as u64).min(10)
}

/// Each pool user resolves each pool.
pub fn last_resolutions(world: &mut World) -> Result<(), String> {
    for node in world.config.registrars..world.config.honest() {
        if world.is_core(node) && world.plans[node].own_elements().is_empty() {
            for pool in 0..world.config.pools.len() {
                let (at, incarnation) = (world.now, world.nodes[node].incarnation);
                world.schedule(at, What::Command(node, incarnation, Command::Resolve { pool }));
            }
        }
    }
    let most = world.config.client.max_request_time.as_nanos() as u64;
    let most = world.config.stretched(most) + SECOND;
    go_on(world, most, "last resolutions")
}
