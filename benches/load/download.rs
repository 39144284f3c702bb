//! A registrar that joins downloads the handlespace of another one, which goes on answering resolutions: how long each of them
//! takes meanwhile, beside how long it takes before.

use crate::child::Registrar;
use crate::fleet::{Fleet, pool_handle};
use crate::resolution::Resolver;
use crate::scale::Scale;
use crate::table::row;
use rserpool::Time;
use rserpool::driver::clock;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Elements for each of the associations of a scale: 100 000 in full.
const TIMES: usize = 10;
const POOLS: usize = 1000;
/// Elements that each resolution asks for.
const ITEMS: u32 = 3;
/// The pause between two resolutions: the load is to be light, as it is the registrar that is measured.
const PAUSE: Duration = Duration::from_micros(200);
/// More than any of this takes.
const LIMIT: Duration = Duration::from_secs(300);

pub fn run(scale: Scale) {
    let elements = scale.associations * scale.elements_each * TIMES;
    let pools = POOLS.min(elements);
    println!("\ndownload: {elements} elements in {pools} pools, by a registrar that joins");
    let mentor = Registrar::start(&["--keep-alive-interval", "1h"]);
    let fleet = Fleet::registered(mentor.asap, scale.associations, scale.elements_each * TIMES, pools);
    let _serving = fleet.serve();

    let watch = Watch::start(mentor.asap, pools);
    pause(scale.watch / 2);
    let before = watch.end();

    let watch = Watch::start(mentor.asap, pools);
    let begin = clock::now();
    let joiner = Registrar::start(&["--keep-alive-interval", "1h", "--peer", &mentor.enrp.to_string()]);
    until_it_serves(joiner.asap);
    let took = clock::now().saturating_since(begin);
    let meanwhile = watch.end();
    let mut resolver = Resolver::connect(joiner.asap);
    let known: usize = (0..pools).map(|number| resolver.resolve(&pool_handle(number), u32::MAX).len()).sum();
    assert_eq!(known, elements, "the registrar that joined knows all elements");

    row("from the start of the registrar until it serves, s", &format!("{:.2}", took.as_secs_f64()));
    for (when, seen) in [("before", &before), ("during the download", &meanwhile)] {
        row(&format!("resolutions {when}"), &seen.len().to_string());
        for (what, of_thousand) in [("median", 500), ("99 %", 990), ("99.9 %", 999), ("longest", 1000)] {
            row(&format!("  {what}, ms"), &format!("{:.2}", quantile(seen, of_thousand).as_secs_f64() * 1e3));
        }
    }
}

/// A measurement has its pace.
#[allow(clippy::disallowed_methods)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A registrar that starts hangs up on pool users.
fn until_it_serves(asap: SocketAddr) {
    let end = clock::now() + LIMIT;
    while Resolver::connect(asap).try_resolve(&pool_handle(0), 1).map_or(0, |elements| elements.len()) == 0 {
        assert!(clock::now() < end, "the registrar that joins does not become ready");
        pause(Duration::from_millis(5));
    }
}

pub fn quantile(sorted: &[Duration], of_thousand: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * of_thousand / 1000).min(last)).copied().unwrap_or_default()
}

/// Somebody who asks for one thing after the other, in a thread of its own.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Watch {
    /// A pool user that resolves.
    pub fn start(asap: SocketAddr, pools: usize) -> Watch {
        let mut resolver = Resolver::connect(asap);
        Watch::asking(move |number| assert!(!resolver.resolve(&pool_handle(number % pools), ITEMS).is_empty()))
    }

    /// Whoever asks like this.
    pub fn asking(mut ask: impl FnMut(usize) + Send + 'static) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let begin: Time = clock::now();
                ask(number);
                seen.push(clock::now().saturating_since(begin));
                pause(PAUSE);
            }
            seen.sort();
            seen
        });
        Watch { stop, thread }
    }

    /// How long each resolution took, the shortest first.
    pub fn end(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("every resolution was answered")
    }
}
