//! What depends on ENRP: how many registrars there are, their timers, and how long they may take.

use super::config::{MILLIS, SECOND, SimConfig};
use rserpool::random::Random;
use rserpool::registrar::RegistrarConfig;
use std::time::Duration;

/// How many registrars a run has.
pub fn draw_registrars(random: &mut Random) -> usize {
    [1, 2, 2, 3, 3, 3, 4, 5][random.below(8) as usize]
}

/// How registrars get to know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Each has the list of all.
    Configured,
    /// By multicast alone.
    Multicast,
    /// By a look-up (DNS) which its driver repeats.
    LookUp,
}

impl Discovery {
    /// Drawn by a generator of its own, so that what other seeds do does not depend on it.
    pub fn draw(seed: u64, registrar: &RegistrarConfig) -> Discovery {
        match Random::new(seed ^ 0xd15c_0000_0000_0000).below(4) {
            0 if registrar.enrp_multicast => Discovery::Multicast,
            1 => Discovery::LookUp,
            _ => Discovery::Configured,
        }
    }
}

/// Time between two look-ups.
pub const LOOK_UP_INTERVAL: u64 = 2 * SECOND;

/// The ENRP timers of a run: those of the fast profile, of rsplib, or, seldom, of the RFC.
pub fn timers(config: RegistrarConfig, random: &mut Random, fast: bool) -> RegistrarConfig {
    let ms = Duration::from_millis;
    let config = RegistrarConfig {
        enrp_multicast: random.below(2) == 0,
        takeover_suggestion: random.below(2) == 0,
        rsplib_compatibility: random.below(8) == 0,
        max_handle_table_page: [5 << 10, 32 << 10][random.below(2) as usize],
        max_takeover_connects: [1, 4, 256][random.below(3) as usize],
        ..config
    };
    if fast {
        let profile = RegistrarConfig::fast();
        return RegistrarConfig {
            peer_heartbeat_cycle: profile.peer_heartbeat_cycle,
            max_time_last_heard: profile.max_time_last_heard,
            max_time_no_response: profile.max_time_no_response,
            mentor_discovery_timeout: profile.mentor_discovery_timeout,
            takeover_expiry: profile.takeover_expiry,
            peer_reconnect_min: profile.peer_reconnect_min,
            peer_reconnect_max: profile.peer_reconnect_max,
            handle_table_session_timeout: profile.handle_table_session_timeout,
            takeover_connect_timeout: profile.takeover_connect_timeout,
            ..config
        };
    }
    if random.below(6) == 0 {
        return config;
    }
    RegistrarConfig {
        peer_heartbeat_cycle: ms(2440),
        max_time_last_heard: ms(5000),
        max_time_no_response: ms(2000),
        takeover_expiry: ms(2000),
        peer_reconnect_max: ms(4000),
        ..config
    }
}

/// How long registrars may take to agree, once nothing is in their way, in nanoseconds.
pub fn agreement_bound(config: &SimConfig) -> u64 {
    if config.registrars == 1 {
        return 0;
    }
    let nanos = |duration: Duration| duration.as_nanos() as u64;
    let r = &config.registrar;
    let start = start_time(config);
    // Those who lost each other find each other again.
    let contact = nanos(r.peer_reconnect_max) + nanos(r.max_time_no_response) + nanos(r.peer_heartbeat_cycle);
    // Some datagrams in a row may be lost.
    let discovery = match config.discovery {
        Discovery::Configured => 0,
        Discovery::Multicast => 10 * nanos(r.peer_heartbeat_cycle),
        Discovery::LookUp => LOOK_UP_INTERVAL,
    };
    // A dead one is noticed and taken over; its elements are asked, some at a time, those that are dead in vain.
    let elements = config.elements() as u64;
    let rounds = 1 + elements / r.max_takeover_connects as u64;
    let takeover = nanos(r.max_time_last_heard)
        + nanos(r.max_time_no_response)
        + 2 * nanos(r.takeover_expiry)
        + rounds * nanos(r.takeover_connect_timeout);
    // Differences are found with the next heartbeats, and repaired by a download.
    let audit = 3 * (nanos(r.peer_heartbeat_cycle) + 2 * nanos(r.max_time_no_response));
    // A client tries the dead ones first.
    let hunts = config.registrars as u64 * (nanos(config.client.t5_max) + nanos(config.client.connect_timeout));
    config.stretched(2 * (start + discovery + contact + takeover + audit + hunts)) + 100 * MILLIS.max(SECOND / 10)
}

/// A start: a mentor is looked for, found, and asked for list and handle table.
pub fn start_time(config: &SimConfig) -> u64 {
    let nanos = |duration: Duration| duration.as_nanos() as u64;
    nanos(config.registrar.mentor_discovery_timeout) + 3 * nanos(config.registrar.max_time_no_response)
}

/// How long registrars may go on to spread the elements among them: each moves when it registers again.
pub fn spreading_time(config: &SimConfig) -> u64 {
    if config.registrars == 1 || !config.registrar.takeover_suggestion {
        return 0;
    }
    let nanos = |duration: Duration| duration.as_nanos() as u64;
    let r = &config.registrar;
    let contact = nanos(r.peer_reconnect_max) + nanos(r.max_time_no_response) + nanos(r.peer_heartbeat_cycle);
    let discovery = if config.discovery == Discovery::Multicast { 10 * nanos(r.peer_heartbeat_cycle) } else { 0 };
    discovery + contact + 3 * nanos(config.reregistration_interval) + nanos(r.takeover_connect_timeout)
}
