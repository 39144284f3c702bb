//! How it scales: a scope of so many registrars and elements, in virtual time, and what it costs.
//!
//! Not an ordinary test, but a measurement: `scripts/scaling` runs it in release and prints the tables of
//! `docs/scaling.md`. `REGISTRARS=10 ELEMENTS=1000` chooses one size, `PROFILE=rfc` the RFC's timers.

use super::config::{Faults, MILLIS, PoolSpec, SECOND, SimConfig};
use super::enrp::Discovery;
use super::faults::Repair;
use super::number;
use super::trace::Mode;
use super::workload::ElementPlan;
use super::world::{What, World};
use crate::support::network::{Breaks, Partition};
use rserpool::asap::AsapConfig;
use rserpool::association::{Peer, PeerAddress, TransportKind};
use rserpool::message::AsapMessage;
use rserpool::message::asap::Registration;
use rserpool::registrar::{Action, Event, Link, Registrar, RegistrarConfig};
use rserpool::wire::{AddressList, PPID_ASAP, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::net::IpAddr;
use std::time::Duration;

/// Elements of one pool.
const POOL_SIZE: usize = 100;
/// Registrars that a client knows beforehand.
const KNOWN: usize = 5;
/// The default, 65 536, would be too few for 100 000 processes at one registrar.
const MAX_ASSOCIATIONS: usize = 1 << 18;
const LOOK: u64 = 50 * MILLIS;

pub fn config(registrars: usize, elements: usize, fast: bool) -> SimConfig {
    let users = (elements / 10).clamp(10, 1000);
    let pools = (0..elements.div_ceil(POOL_SIZE))
        .map(|i| PoolSpec { name: format!("pool-{i}"), policy: Policy::RoundRobin })
        .collect();
    let registrar = if fast { RegistrarConfig::fast() } else { RegistrarConfig::default() };
    SimConfig {
        rogues: Default::default(),
        seed: 1,
        registrars,
        element_processes: elements,
        elements_per_process: 1,
        users,
        crowd: 1,
        pools,
        latency: (MILLIS / 10, MILLIS),
        // As `SctpParameters::default`: about two seconds.
        detection: (3 * SECOND / 2, 5 * SECOND / 2),
        skew_ppm: 100,
        hang_breaks_associations: true,
        crash_aborts: false,
        datagram_loss: 0,
        datagram_duplicates: 0,
        clients_hear_announcements: false,
        static_registrars: registrars.min(KNOWN),
        element_activity: u64::MAX,
        user_activity: SECOND,
        reports: true,
        false_reports: false,
        life_seconds: None,
        reregistration_interval: Duration::from_secs(30),
        chaos: 0,
        faults: Faults::default(),
        discovery: Discovery::Configured,
        registrar: RegistrarConfig { announce: false, max_associations: MAX_ASSOCIATIONS, ..registrar },
        client: AsapConfig { registrar_transports: vec![TransportKind::Memory], ..AsapConfig::default() },
    }
}

/// What passed through the network in some time.
struct Traffic {
    asap: (f64, f64),
    enrp: (f64, f64),
}

fn traffic(world: &mut World, time: u64) -> Traffic {
    let counters = |world: &World| {
        let n = &world.network;
        (n.messages - n.enrp_messages, n.message_bytes - n.enrp_bytes, n.enrp_messages, n.enrp_bytes)
    };
    let before = counters(world);
    world.run_until(world.now + time);
    let after = counters(world);
    let seconds = time as f64 / 1e9;
    let rate = |before: u64, after: u64| (after - before) as f64 / seconds;
    Traffic {
        asap: (rate(before.0, after.0), rate(before.1, after.1)),
        enrp: (rate(before.2, after.2), rate(before.3, after.3)),
    }
}

impl World {
    /// Like `unsettled`, but by numbers and sums: quick enough for any size.
    fn is_settled(&self) -> bool {
        let living: Vec<&Registrar> = self.nodes.iter().filter(|n| !n.hung).filter_map(|n| n.registrar()).collect();
        let expected = self.config.elements();
        let Some(first) = living.first() else { return false };
        let sum = |registrar: &Registrar, owner| registrar.handlespace().checksum_of_owner(owner);
        let agree = living.iter().all(|registrar| {
            registrar.handlespace().element_count() == expected
                && living.iter().all(|owner| sum(registrar, owner.id()) == sum(first, owner.id()))
        });
        let owned: usize = living.iter().map(|owner| first.handlespace().count_of_owner(owner.id())).sum();
        agree && owned == expected && (self.config.registrars..self.nodes.len()).all(|node| self.has_its_home(node))
    }

    fn has_its_home(&self, node: usize) -> bool {
        self.plans[node].own_elements().iter().all(|element: &ElementPlan| {
            let home = self.home_of(node).and_then(|home| self.nodes[home].registrar());
            home.is_some_and(|home| {
                let handle = PoolHandle::from(self.config.pools[element.pool].name.as_str());
                let index = home.handlespace().find(&handle, PoolElementId(element.id));
                let element = index.and_then(|index| home.handlespace().element(index));
                element.is_some_and(|e| e.home_registrar() == home.id() && e.association().is_some())
            })
        })
    }

    /// Time until everything has settled; none: not within this time.
    fn time_to_settle(&mut self, most: u64) -> Option<u64> {
        let since = self.now;
        while !self.is_settled() {
            if self.now - since > most {
                return None;
            }
            self.run_until(self.now + LOOK);
        }
        Some(self.now - since)
    }
}

fn seconds(time: Option<u64>) -> String {
    time.map_or("not within 300".to_owned(), |time| format!("{:.2}", time as f64 / 1e9))
}

fn measure(registrars: usize, elements: usize, fast: bool) {
    let started = processor_seconds();
    let most = 300 * SECOND;
    let mut world = World::new(config(registrars, elements, fast), Mode::Hash);
    world.checks.off = true;
    world.calm = true;
    for node in 0..world.nodes.len() {
        // Registrars in the first second, then elements and users within ten.
        let at = if node < registrars { 0 } else { 2 * SECOND }
            + world.random.below(if node < registrars { SECOND } else { 10 * SECOND });
        world.schedule(at, What::Repair(Repair::Start(node)));
    }
    world.run_until(12 * SECOND);
    let registered = world.time_to_settle(most);
    world.run_until(world.now + 5 * SECOND);
    let traffic = traffic(&mut world, 30 * SECOND);
    let (mut crash, mut partition) = ("-".to_owned(), "-".to_owned());
    if registrars > 1 && registered.is_some() {
        // The machine of the first registrar loses its power: nobody is told.
        world.nodes[0].dead_for_good = true;
        world.kill(0);
        crash = seconds(world.time_to_settle(most));
    }
    if registrars > 2 && registered.is_some() {
        let inside = (0..registrars).map(|node| node % 2 == 0).collect();
        let number = world.begin_partition(Partition { inside, among: registrars, outwards: true, inwards: true });
        world.run_until(world.now + 20 * SECOND);
        world.end_partition(number);
        partition = seconds(world.time_to_settle(most));
    }
    println!(
        "| {registrars} | {elements} | {} | {:.0} | {:.1} | {:.0} | {:.1} | {crash} | {partition} | {:.0} | {} |",
        seconds(registered),
        traffic.asap.0,
        traffic.asap.1 / 1000.0,
        traffic.enrp.0,
        traffic.enrp.1 / 1000.0,
        processor_seconds() - started,
        resident() >> 20,
    );
}

#[test]
#[ignore = "a measurement: scripts/scaling"]
fn scaling() {
    let fast = std::env::var("PROFILE").map_or(true, |profile| profile != "rfc");
    println!(
        "| registrars | elements | registered, s | ASAP msg/s | ASAP kB/s | ENRP msg/s | ENRP kB/s | crash, s | partition, s \
         | run, s | MB |\n|---|---|---|---|---|---|---|---|---|---|---|"
    );
    if let (Some(registrars), Some(elements)) = (number("REGISTRARS"), number("ELEMENTS")) {
        return measure(registrars as usize, elements as usize, fast);
    }
    for elements in [1000, 10_000] {
        for registrars in [1, 3, 10, 30, 100] {
            measure(registrars, elements, fast);
        }
    }
}

/// Time that processors have spent on this process: unlike real time, it does not depend on what else they do.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name of the program, which may contain anything, is the second field; these are the 14th and the 15th, in
    // hundredths of a second (USER_HZ).
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
    ticks.sum::<u64>() as f64 / 100.0
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

#[test]
#[ignore = "a measurement: scripts/scaling"]
fn memory() {
    println!("| elements | bytes an element | with an association each |\n|---|---|---|");
    for elements in [10_000u32, 100_000] {
        let shared = memory_of(elements, 1000);
        let own = memory_of(elements, 1);
        println!("| {elements} | {shared} | {own} |");
    }
}

/// Bytes that one registrar takes for each of its elements, when an association has so many of them.
fn memory_of(elements: u32, per_association: u32) -> u64 {
    let before = resident();
    let config = RegistrarConfig { max_associations: elements as usize, ..RegistrarConfig::default() };
    let mut registrar = Registrar::new(config.validated().expect("settings that can work"), 1, Time::ZERO);
    let mut actions: Vec<Action> = Vec::new();
    for number in 0..elements {
        let process = number / per_association;
        let association = AssociationId::new(0, u64::from(process));
        let [_, a, b, c] = process.to_be_bytes();
        let address = IpAddr::from([10, a, b, c]);
        if number % per_association == 0 {
            let peer = Peer { address: PeerAddress::new(address, 4000), inbound: true, kind: TransportKind::Memory };
            let up = Event::AssociationUp { link: Link::Asap, association, attempt: None, peer };
            registrar.handle(Time::ZERO, up, &mut actions);
        }
        let pool_element = PoolElement {
            id: PoolElementId(number + 1),
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::INFINITE,
            user_transport: TransportParameter::Sctp {
                port: 5000,
                transport_use: TransportUse::DataOnly,
                addresses: AddressList::from_slice(&[address]),
            },
            policy: Policy::RoundRobin,
            asap_transport: None,
        };
        let pool_handle = PoolHandle::from(format!("pool-{}", number as usize / POOL_SIZE).as_str());
        let mut bytes = Vec::new();
        AsapMessage::Registration(Registration { pool_handle, pool_element, life_in_seconds: None })
            .encode(&mut bytes)
            .expect("it fits");
        let message = Event::Message { association, ppid: PPID_ASAP, bytes: &bytes };
        registrar.handle(Time::ZERO, message, &mut actions);
        actions.clear();
    }
    assert_eq!(registrar.handlespace().element_count(), elements as usize);
    let after = resident();
    // Never freed: what is measured next must not use its memory again.
    std::mem::forget(registrar);
    (after - before) / u64::from(elements)
}
