//! A registrar with thousands of elements: time, memory, and whether keep-alive holds them all.

use crate::child::Registrar;
use crate::fleet::{Fleet, pool_handle};
use crate::resolution::Resolver;
use crate::scale::Scale;
use crate::table::row;
use rserpool::driver::clock;
use std::time::Duration;

/// Pools that the elements are spread over.
const POOLS: usize = 100;
/// More than any of this takes.
const LIMIT: Duration = Duration::from_secs(120);

pub fn run(scale: Scale) {
    let elements = scale.associations * scale.elements_each;
    let pools = POOLS.min(elements);
    println!("\nregistrar: {elements} elements in {pools} pools from {} associations", scale.associations);
    let registrar = Registrar::start(&["--keep-alive-interval", "1s", "--keep-alive-timeout", "3s"]);
    row("resident memory, empty, kB", &registrar.process.resident_kb().to_string());

    let begin = clock::now();
    let mut fleet = Fleet::new(registrar.asap, scale.associations, scale.elements_each, pools);
    let registered = fleet.run(LIMIT, |counts| counts.registered + counts.rejected >= elements);
    let seconds = clock::now().saturating_since(begin).as_secs_f64();
    assert!(registered, "not all elements were registered: {:?}", fleet.counts);
    assert_eq!(fleet.counts.rejected, 0, "registrations were refused");
    row("connect and register all of them, s", &format!("{seconds:.2}"));
    row("registrations a second", &format!("{:.0}", elements as f64 / seconds));
    row("resident memory, full, kB", &registrar.process.resident_kb().to_string());

    let (processor, answered) = (registrar.process.processor_seconds(), fleet.counts.keep_alives);
    fleet.run(scale.watch, |_| false);
    let watched = scale.watch.as_secs_f64();
    let answered = fleet.counts.keep_alives - answered;
    assert!(answered as usize >= elements, "keep-alive came to some elements only: {answered}");
    assert_eq!(fleet.counts.lost, 0, "associations were lost");
    row("keep-alives a second, interval 1 s", &format!("{:.0}", answered as f64 / watched));
    let busy = (registrar.process.processor_seconds() - processor) / watched;
    row("processor of the registrar meanwhile, %", &format!("{:.1}", busy * 100.0));

    let mut resolver = Resolver::connect(registrar.asap);
    let known: usize = (0..pools).map(|number| resolver.resolve(&pool_handle(number), u32::MAX).len()).sum();
    assert_eq!(known, elements, "elements were removed though they answered");
    row("elements known after that", &known.to_string());
    row("resident memory at the end, kB", &registrar.process.resident_kb().to_string());
}
