//! Resident memory of a registrar process: with many elements on few associations, and with one on each.

use crate::child::Registrar;
use crate::fleet::Fleet;
use crate::scale::Scale;
use crate::table::row;
use std::time::Duration;

/// Pools that the elements are spread over.
const POOLS: usize = 1_000;
/// More than any of this takes.
const LIMIT: Duration = Duration::from_secs(120);

pub fn run(scale: Scale) {
    for (associations, each) in scale.full_houses {
        measure(associations, each);
    }
}

fn measure(associations: usize, each: usize) {
    let elements = associations * each;
    println!("\nmemory: {elements} elements from {associations} associations");
    // One host leaves a part of the places to others.
    let most = (elements * 2).to_string();
    let registrar = Registrar::start(&[
        "--keep-alive-interval",
        "1h",
        "--max-elements",
        &most,
        "--max-elements-per-association",
        &most,
    ]);
    let empty = registrar.process.resident_kb();
    row("resident memory, empty, kB", &empty.to_string());
    let mut fleet = Fleet::new(registrar.asap, associations, each, POOLS.min(elements));
    let registered = fleet.run(LIMIT, |counts| counts.registered + counts.rejected >= elements);
    assert!(registered, "not all elements were registered: {:?}", fleet.counts);
    assert_eq!(fleet.counts.rejected, 0, "registrations were refused");
    let full = registrar.process.resident_kb();
    row("resident memory, full, kB", &full.to_string());
    row("more than empty, an element, bytes", &(full.saturating_sub(empty) * 1024 / elements as u64).to_string());
}
