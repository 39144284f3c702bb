//! Hostile load on a registrar: how long resolutions take while it lasts, beside how long they take before, and what memory it costs.
//! An echo server that nobody attacks answers another client all the time: what the machine itself, whose kernel carries the attack on
//! the same processors, does to anybody's answers.

mod attackers;

pub use attackers::{ATTACKERS, attack};

use crate::child::{Process, Registrar};
use crate::download::{Watch, pause, quantile};
use crate::fleet::Fleet;
use crate::resolution::Resolver;
use crate::scale::Scale;
use crate::table::row;
use std::net::SocketAddr;
use std::time::Duration;

/// Pools that the elements are spread over.
const POOLS: usize = 100;
/// What a registrar may need more under any load than before, in kB: its backlogs (32 MB), its send queues (32 MB), the elements
/// that attackers register, and what the allocator keeps.
const MOST_MEMORY_KB: u64 = 192 << 10;
/// Bytes of a resolution, and of the answer with three elements.
const QUESTION: usize = 40;
const ANSWER: usize = 300;

pub fn run(scale: Scale) {
    for sources in scale.hostile_sources {
        measure(scale, sources);
    }
}

fn measure(scale: Scale, sources: usize) {
    let elements = scale.associations * scale.elements_each;
    println!("\nhostile: {elements} elements; attackers at {sources} addresses");
    let registrar = Registrar::start(&[]);
    let pools = POOLS.min(elements);
    let fleet = Fleet::registered(registrar.asap, scale.associations, scale.elements_each, pools);
    let _serving = fleet.serve();
    let echo = Process::server("tcp-echo", &[QUESTION, ANSWER].map(|length| length.to_string()));
    let at = Places { registrar: registrar.asap, pools, echo: echo.greeting.parse().expect("an address") };

    let before = Seen::in_time(&at, scale.hostile_watch / 2);
    let memory = registrar.process.resident_kb();
    let arguments = [registrar.asap.to_string(), registrar.enrp.to_string(), sources.to_string()];
    let attackers = Process::server(ATTACKERS, &arguments);
    let meanwhile = Seen::in_time(&at, scale.hostile_watch);
    drop(attackers);

    for (what, before, meanwhile) in [
        ("resolutions", &before.resolutions, &meanwhile.resolutions),
        ("echoes that nobody attacks", &before.echoes, &meanwhile.echoes),
    ] {
        rows(&format!("{what} before"), before);
        rows(&format!("{what} under hostile load"), meanwhile);
        let ratio = quantile(meanwhile, 990).as_secs_f64() / quantile(before, 990).as_secs_f64();
        row("99 % under hostile load, times that before", &format!("{ratio:.2}"));
    }
    let more = registrar.process.peak_kb().saturating_sub(memory);
    row("memory at its peak, more than before, kB", &more.to_string());
    assert!(more < MOST_MEMORY_KB, "{more} kB more, where {MOST_MEMORY_KB} is the bound");
}

fn rows(what: &str, seen: &[Duration]) {
    row(what, &seen.len().to_string());
    for (what, of_thousand) in [("median", 500), ("99 %", 990), ("longest", 1000)] {
        row(&format!("  {what}, ms"), &format!("{:.2}", quantile(seen, of_thousand).as_secs_f64() * 1e3));
    }
}

/// Who is asked.
struct Places {
    registrar: SocketAddr,
    pools: usize,
    echo: SocketAddr,
}

/// How long answers took, the shortest first.
struct Seen {
    resolutions: Vec<Duration>,
    echoes: Vec<Duration>,
}

impl Seen {
    fn in_time(at: &Places, time: Duration) -> Seen {
        let resolutions = Watch::start(at.registrar, at.pools);
        let mut echo = Resolver::connect(at.echo);
        let (question, mut answer) = ([0; QUESTION], [0; ANSWER]);
        let echoes = Watch::asking(move |_| echo.exchange(&question, &mut answer));
        pause(time);
        Seen { resolutions: resolutions.end(), echoes: echoes.end() }
    }
}
