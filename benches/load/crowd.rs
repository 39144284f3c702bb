//! Thousands of sessions of one client with one element: what a session costs when there are many, beside what it costs when there
//! are few. Each is connected and then sends one message, which is answered. There are hardly any heartbeats: their load grows with
//! the sessions by itself, and at two a second and session it would be all that the machine does.

use crate::child::{Process, Registrar};
use crate::scale::Scale;
use crate::session;
use crate::table::row;
use rserpool::api::{self, ConnectOptions, Descriptor, MessageKind, SendOptions, Timeout};
use rserpool::driver::clock;
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// A session has a pair of descriptors for its program, and a port of its own.
const DESCRIPTORS_EACH: usize = 3;
/// What else the process has open.
const OTHER_DESCRIPTORS: usize = 200;

/// What sessions cost, each.
struct Cost {
    wall_us: f64,
    /// Of the client's process and the server's.
    processor_us: f64,
}

pub fn run(scale: Scale) {
    let (all, batch) = scale.crowd;
    println!("\ncrowd: {all} sessions with one element");
    let room = room_for_descriptors(all * DESCRIPTORS_EACH + OTHER_DESCRIPTORS);
    let all = all.min(room.saturating_sub(OTHER_DESCRIPTORS) / DESCRIPTORS_EACH);
    let all = all - all % batch;
    if all < scale.crowd.0 {
        println!("  no more than {all}: this process may have {room} descriptors");
    }
    if all < 2 * batch {
        return println!("  skipped: raise the limit of descriptors (ulimit -n)");
    }
    let registrar = Registrar::start(&[]);
    let server = Process::server(session::SERVER, &[registrar.asap.to_string(), session::QUIET.to_owned()]);
    assert_eq!(server.greeting, "registered");
    session::initialize(registrar.asap);
    let first = connect();
    session::quieten(first);
    let mut sessions = vec![first];
    let costs: Vec<Cost> = (0..all / batch).map(|_| more(batch, &server, &mut sessions)).collect();
    let [first, .., last] = &costs[..] else { return };
    row(&format!("the first {batch}, us each"), &format!("{:.0}", first.wall_us));
    row(&format!("the last {batch} of {all}, us each"), &format!("{:.0}", last.wall_us));
    row("ratio", &format!("{:.2}", last.wall_us / first.wall_us));
    row("ratio of processor time, client and server", &format!("{:.2}", last.processor_us / first.processor_us));
    sessions.into_iter().for_each(|sd| api::close(sd).expect("it is ours"));
    api::cleanup();
}

/// Connects some more sessions.
fn more(count: usize, server: &Process, sessions: &mut Vec<Descriptor>) -> Cost {
    let processor = own_processor_seconds() + server.processor_seconds();
    let begin = clock::now();
    sessions.extend((0..count).map(|_| connect()));
    let wall = clock::now().saturating_since(begin).as_secs_f64();
    let processor = own_processor_seconds() + server.processor_seconds() - processor;
    let each_us = |seconds: f64| seconds * 1e6 / count as f64;
    Cost { wall_us: each_us(wall), processor_us: each_us(processor) }
}

/// A session that has had an answer.
fn connect() -> Descriptor {
    let sd = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0).expect("a socket");
    api::connect(sd, session::POOL, ConnectOptions::default()).expect("a session");
    api::sendmsg(sd, b"hello", &SendOptions::default(), Timeout::Never).expect("the session takes it");
    let mut buffer = [0; 1024];
    loop {
        let received = api::recvmsg(sd, &mut buffer, Timeout::After(PATIENCE)).expect("an answer");
        if received.kind == MessageKind::Data {
            return sd;
        }
    }
}

fn own_processor_seconds() -> f64 {
    // SAFETY: rusage consists of numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure lives across the call.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Asks for so many descriptors; tells how many there may be.
fn room_for_descriptors(wanted: usize) -> usize {
    let wanted = wanted as libc::rlim_t;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives across the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    if limit.rlim_cur < wanted {
        // A system that allows less may allow as much as its own limit.
        for most in [limit.rlim_max.max(wanted), limit.rlim_max] {
            let raised = libc::rlimit { rlim_cur: most.min(wanted), rlim_max: most };
            // SAFETY: the structure lives across the call.
            if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
                return raised.rlim_cur as usize;
            }
        }
    }
    limit.rlim_cur as usize
}
