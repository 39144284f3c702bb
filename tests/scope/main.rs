//! Three registrars as processes lose one of them in every way there is, under load: no application may notice more than
//! a delay, and afterwards every element has exactly one living home registrar.
//!
//! The sizes are small here; `make soak` runs the same with 10 000 elements and 200 resolutions a second.

#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use support::scope::hosts::{self, Elements, EntryArguments, Shape, User};
use support::scope::network::Network;
use support::scope::presence::Presences;
use support::scope::registrars::{ENRP, Scope, loopback_places};
use support::scope::table::Table;
use support::scope::{dns, lasts, until};

const ENTRY: EntryArguments = &["--ignored", "--exact", "host_process", "--nocapture", "--test-threads=1"];
/// Faster than the RFCs' timers, slow enough for a busy machine.
const TIMERS: &[&str] = &[
    "--profile",
    "fast",
    "--peer-heartbeat-cycle",
    "200ms",
    "--max-time-last-heard",
    "800ms",
    "--max-time-no-response",
    "600ms",
    "--takeover-expiry",
    "600ms",
    "--takeover-connect-timeout",
    "1s",
    // The profile's associations end after half a second of silence, which a busy machine can make of its own.
    "--sctp-rto-initial",
    "500ms",
    "--sctp-rto-min",
    "100ms",
    "--sctp-rto-max",
    "1s",
    "--enrp-sctp-rto-initial",
    "200ms",
    "--enrp-sctp-rto-max",
    "400ms",
    "--keep-alive-interval",
    "2s",
    "--keep-alive-timeout",
    "5s",
];
/// The longest that a registrar with these timers is thought to be alive when it is not, and then some.
const DETECTION: Duration = Duration::from_secs(3);

/// What has not changed for so long is taken to be final.
const SETTLED: Duration = Duration::from_secs(1);

#[test]
#[ignore = "started by the tests as a process of its own"]
fn host_process() {
    hosts::main();
}

/// How much load there is.
struct Size {
    processes: usize,
    shape: Shape,
    users: usize,
    interval: Duration,
}

/// From the environment for `make soak`, else small.
fn size() -> Size {
    let number = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is \"{value}\"")))
    };
    let elements = number("SCOPE_ELEMENTS", 60);
    let rate = number("SCOPE_RATE", 40);
    let per_association = if elements > 1000 { 10 } else { 5 };
    let (processes, users) = (6, 4);
    let shape = Shape { associations: elements.div_ceil(processes * per_association), per_association };
    Size { processes, shape, users, interval: Duration::from_secs(users as u64) / rate as u32 }
}

impl Size {
    fn elements(&self) -> usize {
        self.processes * self.shape.associations * self.shape.per_association
    }
}

/// Registrars, elements that are registered, and users that resolve.
struct World {
    // In this order: users and elements end first.
    users: Vec<User>,
    _elements: Vec<Elements>,
    scope: Scope,
    size: Size,
}

impl World {
    fn start(scope: Scope) -> World {
        let size = size();
        let all = scope.asap();
        until("the registrars know each other", || scope.agrees(0));
        let elements: Vec<Elements> = (0..size.processes)
            .map(|number| {
                let first = 1 + number * size.shape.associations * size.shape.per_association;
                Elements::start(ENTRY, &known_to(number, &all), first, size.shape)
            })
            .collect();
        elements.iter().for_each(Elements::registered);
        until("all elements are known everywhere", || scope.agrees(size.elements()));
        let users = (0..size.users).map(|_| User::start(ENTRY, &all, size.interval)).collect();
        World { users, _elements: elements, scope, size }
    }

    /// All agree, and go on to do so.
    fn converges(&self, after: &str) -> Table {
        until(after, || {
            let before = self.scope.agrees(self.size.elements())?;
            lasts(SETTLED);
            let table = self.scope.agrees(self.size.elements())?;
            if table.homes == before.homes { Ok(table) } else { Err("homes go on changing".to_owned()) }
        })
    }

    /// Waits until the others of three registrars have taken over a silent one.
    fn others_replace(&self, silent: usize) {
        let registrars = &self.scope.registrars;
        until("the others have taken over the registrar that is silent", || {
            for registrar in registrars.iter().filter(|registrar| registrar.id != registrars[silent].id) {
                let homes = registrar.table()?.homes;
                let left = homes.values().filter(|home| **home == registrars[silent].id).count();
                if left > 0 || homes.len() != self.size.elements() {
                    return Err(format!("{} knows {} elements, {left} of them of it", registrar.ip, homes.len()));
                }
            }
            Ok(())
        });
    }

    /// Ends the users, none of which may have seen an error.
    fn no_user_saw_an_error(self) {
        for user in self.users {
            let seen = user.end();
            println!("resolutions {} errors {} longest {:?}", seen.resolutions, seen.errors, seen.longest);
            assert_eq!(seen.errors, 0, "the first of them: {}", seen.first_error);
            assert!(seen.resolutions > 1);
        }
    }
}

/// Half of the elements know one registrar only: it is up to the others to find them when it dies.
fn known_to(process: usize, all: &[SocketAddr]) -> Vec<SocketAddr> {
    if process % 2 == 0 { vec![all[process / 2 % all.len()]] } else { all.to_vec() }
}

/// One at a time: each is a load of its own.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_registrar_that_is_killed_is_replaced_and_comes_back() {
    let _turn = alone();
    let mut world = World::start(Scope::on_loopback("kill", 3, TIMERS));
    world.scope.registrars[0].kill();
    world.converges("the others have the elements of the registrar that was killed");
    world.scope.registrars[0].start();
    world.converges("the registrar that came back knows all");
    world.no_user_saw_an_error();
}

#[test]
fn a_registrar_that_hung_for_longer_than_its_detection_time_finds_its_place_again() {
    let _turn = alone();
    let world = World::start(Scope::on_loopback("hang", 3, TIMERS));
    world.scope.registrars[1].signal(libc::SIGSTOP);
    world.others_replace(1);
    world.scope.registrars[1].signal(libc::SIGCONT);
    world.converges("all agree with the registrar that hung");
    world.no_user_saw_an_error();
}

#[test]
fn all_registrars_are_restarted_one_after_another() {
    let _turn = alone();
    let mut world = World::start(Scope::on_loopback("rolling", 3, TIMERS));
    for number in 0..3 {
        world.scope.registrars[number].stop();
        world.converges("the others have the elements of the registrar that stopped");
        world.scope.registrars[number].start();
        world.converges("the new registrar knows all");
    }
    world.no_user_saw_an_error();
}

#[test]
fn two_registrars_that_are_cut_off_from_each_other_but_not_from_the_third_agree_when_the_cut_is_mended() {
    let _turn = alone();
    let Some(network) = Network::if_allowed(3) else { return };
    let world = World::start(Scope::with_list("cut", network.places(), TIMERS));
    network.cut(0, 1);
    lasts(DETECTION);
    network.heal(0, 1);
    world.converges("all agree after the cut");
    world.no_user_saw_an_error();
}

#[test]
fn a_registrar_that_nobody_reaches_is_replaced_and_finds_its_place_again() {
    let _turn = alone();
    let Some(network) = Network::if_allowed(3) else { return };
    let world = World::start(Scope::with_list("unplugged", network.places(), TIMERS));
    network.unplug(1);
    world.others_replace(1);
    network.plug(1);
    world.converges("all agree with the registrar that is back");
    world.no_user_saw_an_error();
}

#[test]
fn registrars_find_each_other_by_multicast_and_their_checksums_are_those_of_their_elements() {
    let _turn = alone();
    let pid = std::process::id();
    let group = SocketAddr::from(([239, 255, (pid >> 8) as u8, pid as u8], 9901));
    let mut presences = match Presences::listen(group) {
        Ok(presences) => presences,
        Err(why) => return println!("SKIPPED: no multicast on this machine: {why}"),
    };
    let group = group.to_string();
    let options = [&["--enrp-announce", &group], TIMERS].concat();
    let mut world = World::start(Scope::start("multicast", loopback_places(3), &options));
    world.scope.registrars[2].kill();
    let table = world.converges("the others have the elements of the registrar that was killed");
    until("the registrars announce the checksums of what they have", || {
        let said = presences.checksums();
        for registrar in world.scope.living() {
            let (said, right) = (said.get(&registrar.id), table.checksum(registrar.id));
            if said != Some(&right) {
                return Err(format!("{} says {said:x?} instead of {right:#06x}", registrar.id));
            }
        }
        Ok(())
    });
    world.no_user_saw_an_error();
}

#[test]
fn registrars_find_each_other_by_dns() {
    const NAME: &str = "_enrp._sctp.example.net";
    let _turn = alone();
    let places = loopback_places(3);
    let server = dns::serve(NAME, places.iter().map(|(ip, _)| SocketAddr::new(*ip, ENRP)).collect()).to_string();
    let options = [&["--peers-dns", NAME, "--dns-server", &server, "--dns-interval", "1s"], TIMERS].concat();
    let world = World::start(Scope::start("dns", places, &options));
    world.converges("all know the elements");
    world.no_user_saw_an_error();
}
