//! What depends on ENRP: how many registrars there are, their timers, and how long they may take.

use super::config::SimConfig;
use rserpool::random::Random;
use rserpool::registrar::RegistrarConfig;

/// How many registrars a run has.
pub fn draw_registrars(_: &mut Random) -> usize {
    1
}

/// The ENRP timers of a run.
pub fn timers(config: RegistrarConfig, _: &mut Random, _fast: bool) -> RegistrarConfig {
    config
}

/// How long registrars may take to agree, once nothing is in their way, in nanoseconds.
pub fn agreement_bound(_: &SimConfig) -> u64 {
    0
}
