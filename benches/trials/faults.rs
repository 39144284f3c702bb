//! What happens to registrars and servers: drawn from a seed, and such that there is always one of each that works.

use crate::Trial;
use crate::pool::Pool;
use crate::support::scope::until;
use rserpool::Time;
use rserpool::driver::clock;
use std::fmt;
use std::time::Duration;

/// How often faults are looked after.
pub const LOOK: Duration = Duration::from_millis(20);
/// The pause before the next fault, in milliseconds.
const PAUSE: (u64, u64) = (500, 3000);
/// How long something stays away, in milliseconds.
const AWAY: (u64, u64) = (200, 3000);
/// How long a server hangs, in milliseconds.
const HANG: (u64, u64) = (500, 6000);

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A server, by SIGKILL.
    Kill,
    /// A server, by SIGSTOP, and SIGCONT later.
    Hang,
    /// A server that is asked to end, by SIGTERM.
    Drain,
    /// A registrar, by SIGKILL.
    Registrar,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Kill => "kill",
            Kind::Hang => "hang",
            Kind::Drain => "drain",
            Kind::Registrar => "registrar",
        })
    }
}

/// Most of them about servers.
const KINDS: [Kind; 6] = [Kind::Kill, Kind::Kill, Kind::Hang, Kind::Hang, Kind::Drain, Kind::Registrar];

/// A fault that has begun.
#[derive(Clone, Copy)]
pub struct Fault {
    pub kind: Kind,
    /// Of the server or registrar.
    pub number: usize,
    pub begun: Time,
    /// When it worked again, as far as that has come.
    pub ended: Option<Time>,
}

/// Why a server or a registrar is away.
#[derive(Clone, Copy)]
struct Absence {
    kind: Kind,
    until: Time,
    /// Of the fault in the log.
    fault: usize,
}

type Away = Option<Absence>;

/// All faults, from the first to the last.
pub struct Faults {
    random: u64,
    next: Time,
    servers: Vec<Away>,
    registrars: Vec<Away>,
    pub log: Vec<Fault>,
}

impl Faults {
    pub fn new(trial: &Trial) -> Faults {
        let mut faults = Faults {
            random: trial.seed ^ 0x9e37_79b9_7f4a_7c15,
            next: Time::ZERO,
            servers: vec![None; trial.servers],
            registrars: vec![None; trial.registrars],
            log: Vec::new(),
        };
        faults.next = clock::now() + faults.between(PAUSE);
        faults
    }

    /// Does what is due.
    pub fn step(&mut self, pool: &mut Pool) {
        let now = clock::now();
        self.recover(pool, now);
        if now < self.next {
            return;
        }
        let kind = KINDS[self.below(KINDS.len() as u64) as usize];
        let many = if kind == Kind::Registrar { self.registrars.len() } else { self.servers.len() };
        let number = self.below(many as u64) as usize;
        if !self.would_be_survived(pool, kind, number) {
            self.next = now + LOOK;
            return;
        }
        let until = now + self.between(if kind == Kind::Hang { HANG } else { AWAY });
        begin(pool, kind, number);
        let absence = Absence { kind, until, fault: self.log.len() };
        if kind == Kind::Registrar {
            self.registrars[number] = Some(absence);
        } else {
            self.servers[number] = Some(absence);
        }
        self.log.push(Fault { kind, number, begun: clock::now(), ended: None });
        self.next = clock::now() + self.between(PAUSE);
    }

    /// Ends all faults; returns when everything is well again.
    pub fn heal(&mut self, pool: &mut Pool) {
        until("everybody is back", || {
            self.recover(pool, clock::now());
            let away = self.servers.iter().chain(&self.registrars).flatten().count();
            if away > 0 { Err(format!("{away} are away")) } else { pool.registrars.agrees(self.servers.len()) }
        });
    }

    fn recover(&mut self, pool: &mut Pool, now: Time) {
        let servers = self.servers.iter_mut().enumerate();
        for (number, away) in servers.chain(self.registrars.iter_mut().enumerate()) {
            match *away {
                Some(Absence { kind, until, fault }) if until <= now && come_back(pool, kind, number) => {
                    self.log[fault].ended = Some(clock::now());
                    *away = None;
                }
                _ => {}
            }
        }
    }

    /// Whether another server, or the other registrar, is there and known: else nobody could be blamed for what is not answered.
    fn would_be_survived(&self, pool: &Pool, kind: Kind, number: usize) -> bool {
        let away = |list: &[Away]| list.iter().flatten().count();
        if kind == Kind::Registrar {
            return away(&self.registrars) == 0 && self.registrars_know_servers(pool);
        }
        self.servers[number].is_none()
            && away(&self.servers) + 1 < self.servers.len()
            && self.registrars_know_servers(pool)
    }

    /// Each registrar that runs lists as many servers as there are, and no others.
    fn registrars_know_servers(&self, pool: &Pool) -> bool {
        let there = self.servers.iter().filter(|away| away.is_none()).count();
        pool.registrars.agrees(there).is_ok()
    }

    /// A random time between two numbers of milliseconds.
    fn between(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(least + self.below(most - least))
    }

    /// xorshift.
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }
}

fn begin(pool: &mut Pool, kind: Kind, number: usize) {
    match kind {
        Kind::Kill => {
            pool.signal_server(number, libc::SIGKILL);
            pool.bury_server(number);
        }
        Kind::Hang => pool.signal_server(number, libc::SIGSTOP),
        Kind::Drain => pool.signal_server(number, libc::SIGTERM),
        Kind::Registrar => pool.registrars.registrars[number].kill(),
    }
}

/// Tells whether it could.
fn come_back(pool: &mut Pool, kind: Kind, number: usize) -> bool {
    match kind {
        Kind::Hang => pool.signal_server(number, libc::SIGCONT),
        Kind::Drain if !pool.server_has_ended(number) => return false,
        Kind::Kill | Kind::Drain => pool.start_server(number),
        Kind::Registrar => pool.registrars.registrars[number].start(),
    }
    true
}
