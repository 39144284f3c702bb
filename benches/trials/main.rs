//! Many sessions of one client while everything around them fails at random, by seed: no request may stay without an answer.
//!
//! A client in C (`client.c`) with its sessions in one poll thread, three servers (`c-examples/epoll_server.c`) and two
//! registrars, each a process. `scripts/session-trials` runs it; without `--bench`, as `cargo test` does, it is short. Reported are
//! the requests, and for each kind of fault how long sessions waited for an answer. Only that all were answered is judged: times
//! depend on whatever else the machine does.

#[path = "../../tests/support/mod.rs"]
mod support;

mod bad_network;
mod faults;
mod gaps;
mod pool;

use crate::support::scope::lossy::Impairment;
use faults::Faults;
use gaps::Gaps;
use pool::{Client, Pool};
use rserpool::driver::clock;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is to be tried.
struct Trial {
    profile: &'static str,
    duration: Duration,
    seed: u64,
    links: Links,
    registrars: usize,
    servers: usize,
    sessions: usize,
    /// Between two requests of a session.
    interval: Duration,
}

/// What is between the processes.
#[derive(Clone, Copy)]
enum Links {
    Loopback,
    /// Each process on a host of its own, whose link loses so many percent of the packets.
    Lossy(u64),
    /// The same, and the links are all that is bad: no process fails.
    Bad(Impairment),
}

const USAGE: &str = "usage: scripts/session-trials [fast|default] [SECONDS] [--seed N] [--netem] [--sessions N] [--interval-ms N]\n\
                     or     scripts/session-trials [fast|default] [SECONDS] --bad-network LOSS-%,VARIATION-MS,DUPLICATES-% [--registrars N]\n\
                     [--servers N] [--sessions N] [--interval-ms N] [--seed N]";

/// 15 seconds, one profile: for `cargo test`, where a busy machine shall not make it a failure, so the timers are the slow ones.
const SHORT: Trial = Trial {
    profile: "default",
    duration: Duration::from_secs(15),
    seed: 1,
    links: Links::Loopback,
    registrars: 2,
    servers: 3,
    sessions: 200,
    interval: Duration::from_millis(500),
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = !arguments.iter().any(|argument| argument == "--bench");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--bench").collect();
    let trial = if short { SHORT } else { trial(&arguments).unwrap_or_else(|| end_with(USAGE)) };
    if let Err(why) = run(&trial) {
        end_with(&why);
    }
}

fn end_with(why: &str) -> ! {
    eprintln!("session-trials: {why}");
    std::process::exit(1)
}

fn trial(arguments: &[&str]) -> Option<Trial> {
    let mut trial = Trial { duration: Duration::from_secs(60), interval: Duration::from_millis(100), ..SHORT };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "fast" => trial.profile = "fast",
            "default" => trial.profile = "default",
            "--bad-network" => {
                let links = Links::Bad(impairment(rest.next()?)?);
                trial = Trial { links, registrars: 3, servers: 50, sessions: 20, ..trial };
            }
            "--registrars" => trial.registrars = rest.next()?.parse().ok()?,
            "--servers" => trial.servers = rest.next()?.parse().ok()?,
            "--netem" => trial.links = Links::Lossy(5),
            "--seed" => trial.seed = rest.next()?.parse().ok()?,
            "--sessions" => trial.sessions = rest.next()?.parse().ok()?,
            "--interval-ms" => trial.interval = Duration::from_millis(rest.next()?.parse().ok()?),
            seconds => trial.duration = Duration::from_secs(seconds.parse().ok()?),
        }
    }
    Some(trial)
}

/// LOSS-%,VARIATION-MS,DUPLICATES-%.
fn impairment(text: &str) -> Option<Impairment> {
    let mut numbers = text.split(',').map(str::parse);
    let mut number = || numbers.next()?.ok();
    let (loss_percent, variation, duplicate_percent) = (number()?, Duration::from_millis(number()?), number()?);
    Some(Impairment { loss_percent, variation, duplicate_percent, ..Impairment::default() })
}

fn run(trial: &Trial) -> Result<(), String> {
    if let Links::Bad(impairment) = trial.links {
        return bad_network::run(trial, impairment);
    }
    let links = match trial.links {
        Links::Loopback => "loopback".to_owned(),
        Links::Lossy(percent) => format!("links that lose {percent} %"),
        Links::Bad(impairment) => format!("{impairment:?}"),
    };
    let Trial { profile, duration, seed, sessions, interval, .. } = trial;
    println!(
        "{sessions} sessions over {links}, profile {profile}, a request each {interval:?}, {duration:?} of faults, seed {seed}"
    );
    let mut pool = Pool::start(trial)?;
    let mut client = Client::start(&pool, trial);
    let mut faults = Faults::new(trial);
    let mut gaps = Gaps::default();
    let load = Load::now();
    let end = clock::now() + *duration;
    while clock::now() < end {
        faults.step(&mut pool);
        gaps.take(&client.lines(faults::LOOK), &faults.log);
    }
    faults.heal(&mut pool);
    gaps.take(&client.end(), &faults.log);
    gaps.report(&faults.log);
    load.report();
    judge(&gaps.wrong, &gaps.result)
}

/// Only what does not depend on the machine's speed.
fn judge(wrong: &[String], result: &BTreeMap<String, u64>) -> Result<(), String> {
    judge_answers(wrong, result)?;
    if result.get("failovers").is_none_or(|&failovers| failovers <= 1) {
        return Err("no session has ever moved: nothing was tried".to_owned());
    }
    Ok(())
}

/// Whether all was answered.
fn judge_answers(wrong: &[String], result: &BTreeMap<String, u64>) -> Result<(), String> {
    for line in wrong.iter().take(20) {
        println!("wrong: {line}");
    }
    let number = |name: &str| result.get(name).copied().unwrap_or(u64::MAX);
    if !wrong.is_empty() || number("unanswered") != 0 || number("requests") != number("answers") {
        return Err(format!("{} things that must not be", wrong.len().max(1)));
    }
    Ok(())
}

/// How much else the machine had to do: without that, gaps say nothing.
struct Load {
    waited: u64,
    begin: rserpool::Time,
}

impl Load {
    fn now() -> Load {
        Load { waited: waited_for_processor().unwrap_or(0), begin: clock::now() }
    }

    fn report(&self) {
        let passed = clock::now().saturating_since(self.begin).as_micros() as f64;
        let waited = waited_for_processor().map_or(f64::NAN, |now| (now - self.waited) as f64 / passed * 100.0);
        let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("somebody on this machine waited for a processor {waited:.0} % of the time; load {}", average.trim());
    }
}

/// In microseconds, since the machine was started.
fn waited_for_processor() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    text.lines().next()?.rsplit_once("total=")?.1.parse().ok()
}
