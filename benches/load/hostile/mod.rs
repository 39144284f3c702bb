//! Hostile load on a registrar: how long resolutions take while it lasts, beside how long they take before, and what memory it costs.

mod attackers;

pub use attackers::{ATTACKERS, attack};

use crate::child::{Process, Registrar};
use crate::download::{quantile, watch};
use crate::fleet::Fleet;
use crate::scale::Scale;
use crate::table::row;

/// Pools that the elements are spread over.
const POOLS: usize = 100;
/// What a registrar may need more under any load than before, in kB: its backlogs (32 MB), its send queues (32 MB), the elements
/// that attackers register, and what the allocator keeps.
const MOST_MEMORY_KB: u64 = 192 << 10;

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

    let before = watch(registrar.asap, pools, scale.hostile_watch / 2);
    let memory = registrar.process.resident_kb();
    let arguments = [registrar.asap.to_string(), registrar.enrp.to_string(), sources.to_string()];
    let attackers = Process::server(ATTACKERS, &arguments);
    let meanwhile = watch(registrar.asap, pools, scale.hostile_watch);
    drop(attackers);

    for (when, seen) in [("before", &before), ("under hostile load", &meanwhile)] {
        row(&format!("resolutions {when}"), &seen.len().to_string());
        for (what, of_thousand) in [("median", 500), ("99 %", 990), ("longest", 1000)] {
            row(&format!("  {what}, ms"), &format!("{:.2}", quantile(seen, of_thousand).as_secs_f64() * 1e3));
        }
    }
    let ratio = quantile(&meanwhile, 990).as_secs_f64() / quantile(&before, 990).as_secs_f64();
    row("99 % under hostile load, times that before", &format!("{ratio:.2}"));
    let more = registrar.process.peak_kb().saturating_sub(memory);
    row("memory at its peak, more than before, kB", &more.to_string());
    assert!(more < MOST_MEMORY_KB, "{more} kB more, where {MOST_MEMORY_KB} is the bound");
}
