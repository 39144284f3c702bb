//! What it costs a registrar to be looked at: resolutions a second while its metrics are scraped each second and events are kept, beside a
//! registrar without either in the same run; and its memory.

use crate::child::Registrar;
use crate::fleet::{Fleet, Serving, pool_handle};
use crate::resolution::{ITEMS, Resolver, question};
use crate::scale::Scale;
use crate::table::{median, row};
use rserpool::driver::clock;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pools that the elements are spread over.
const POOLS: usize = 1_000;
/// Between two scrapes.
const INTERVAL: Duration = Duration::from_secs(1);
/// A rate is measured for so many times as long as others are: a scrape a second is to be in it more than once.
const LONGER: u32 = 3;

pub fn run(scale: Scale) {
    let (associations, each) = scale.full_houses[0];
    println!(
        "\noperations: {} elements; metrics scraped each second and events kept, beside neither",
        associations * each
    );
    let mut plain = House::new(associations, each, &["--max-events", "0"]);
    let mut watched = House::new(associations, each, &["--http", "127.0.0.1:0"]);
    row("resident memory without, kB", &plain.registrar.process.resident_kb().to_string());
    row("resident memory with events, kB", &watched.registrar.process.resident_kb().to_string());
    let mut scrapes = Vec::new();
    for window in [1, 32] {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..scale.repetitions {
            // Interleaved, so that whatever else the machine does meets both.
            without.push(plain.rate(window, scale.measure * LONGER));
            let scraping = Scraping::start(watched.registrar.http.expect("it says where"));
            with.push(watched.rate(window, scale.measure * LONGER));
            scrapes.extend(scraping.end());
        }
        let (without, with) = (median(without), median(with));
        row(&format!("resolutions a second without, {window} at a time"), &format!("{without:.0}"));
        row(&format!("resolutions a second with, {window} at a time"), &format!("{with:.0}"));
        row("ratio", &format!("{:.2}", with / without));
    }
    row("scrapes", &scrapes.len().to_string());
    row("time of a scrape, ms", &format!("{:.1}", median(scrapes)));
    row("resident memory after them, kB", &watched.registrar.process.resident_kb().to_string());
}

/// A registrar full of elements, and somebody who asks it.
struct House {
    registrar: Registrar,
    _serving: Serving,
    resolver: Resolver,
    question: Vec<u8>,
    /// Bytes of an answer.
    answer: usize,
}

impl House {
    fn new(associations: usize, each: usize, options: &[&str]) -> House {
        // One host leaves a part of the places to others.
        let most = (associations * each * 2).to_string();
        let limits = ["--keep-alive-interval", "1h", "--max-elements", &most, "--max-elements-per-association", &most];
        let registrar = Registrar::start(&[&limits[..], options].concat());
        let pools = POOLS.min(associations * each / ITEMS as usize);
        let serving = Fleet::registered(registrar.asap, associations, each, pools).serve();
        let mut resolver = Resolver::connect(registrar.asap);
        let question = question(&pool_handle(0), ITEMS);
        let answer = resolver.length_of_answer(&question);
        House { registrar, _serving: serving, resolver, question, answer }
    }

    fn rate(&mut self, window: usize, time: Duration) -> f64 {
        self.resolver.rate(&self.question, self.answer, window, time)
    }
}

/// Takes metrics each second, as Prometheus does.
struct Scraping {
    stop: Sender<()>,
    thread: JoinHandle<Vec<f64>>,
}

impl Scraping {
    fn start(http: SocketAddr) -> Scraping {
        let (stop, stopped) = channel();
        Scraping { stop, thread: std::thread::spawn(move || scrape_until(http, &stopped)) }
    }

    /// How long each took, in milliseconds.
    fn end(self) -> Vec<f64> {
        drop(self.stop);
        self.thread.join().expect("the registrar answers")
    }
}

fn scrape_until(http: SocketAddr, stopped: &Receiver<()>) -> Vec<f64> {
    let mut times = Vec::new();
    loop {
        let begin = clock::now();
        let mut connection = TcpStream::connect(http).expect("a connection");
        connection.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("it takes that");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        times.push(clock::now().saturating_since(begin).as_secs_f64() * 1e3);
        if stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Disconnected) {
            return times;
        }
    }
}
