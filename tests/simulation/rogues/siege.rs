//! A run in peace, but for the rogues: everything registers, rogues come, nothing may change, rogues go.

use super::super::checkers::convergence;
use super::super::config::SECOND;
use super::super::run::{Report, go_on, last_resolutions, report, settle};
use super::super::world::World;

pub fn siege(world: &mut World) -> Result<Report, String> {
    world.start_all();
    go_on(world, 2 * SECOND, "start")?;
    wait_until_settled(world)?;
    world.checks.siege = Some(world.standing());
    world.rogues_come();
    let chaos = world.config.chaos;
    go_on(world, chaos, "siege")?;
    world.checks.siege = None;
    world.heal();
    let settled_after = settle(world)?;
    last_resolutions(world)?;
    Ok(report(world, settled_after))
}

/// For a time in which nobody moves any more, too.
fn wait_until_settled(world: &mut World) -> Result<(), String> {
    let (bound, quiet) = (convergence::bound(&world.config), 5 * SECOND);
    let started = world.now;
    let mut since = None;
    loop {
        match (world.unsettled(), since) {
            (Some(what), _) if world.now - started > bound => return Err(format!("never settled: {what}")),
            (Some(_), _) => since = None,
            (None, None) => since = Some(world.now),
            (None, Some(at)) if world.now - at > quiet => return Ok(()),
            (None, Some(_)) => {}
        }
        go_on(world, SECOND / 10, "start")?;
    }
}
