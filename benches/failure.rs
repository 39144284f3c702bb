//! How long a failure of a pool element is felt: by a client with a session, and by whoever resolves the pool.
//!
//! Three elements, each on a host of its own (a network namespace), a client that sends a message every 20 ms and has no
//! timer, and somebody who resolves the pool all the time. The element that serves the client is killed, hangs, or its host
//! vanishes. Needs root and namespaces: `scripts/failure-times` runs it in the guest.

use rserpool::PoolHandle;
use rserpool::api::{
    self, Announcements, Config, ConnectOptions, LoadInfo, MessageKind, OPTION_AUTO_FAILOVER, RegisterOptions,
    SOL_RSERPOOL, SendOptions, Timeout,
};
use rserpool::driver::clock;
use rserpool::message::AsapMessage;
use rserpool::message::asap::HandleResolution;
use rserpool::profile::Profile;
use rserpool::{Time, wire::PORT_ASAP};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const POOL: &str = "FailPool";
const HOSTS: usize = 3;
/// Time between two messages of the client.
const PING: Duration = Duration::from_millis(20);
/// Time between two resolutions.
const LOOK: Duration = Duration::from_millis(2);
/// After this time "never" is the answer: longer than any timer of the default profile.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the profile `fast` is to keep.
const GOAL: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Hang,
    Vanish,
}

const FAULTS: [(&str, Fault); 3] = [("kill", Fault::Kill), ("hang", Fault::Hang), ("vanish", Fault::Vanish)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", number, registrar] => serve(number, registrar),
        [profile @ ("default" | "fast"), repetitions, ref faults @ ..] => measure(profile, repetitions, faults),
        _ => println!("failure: skipped: it needs hosts of its own; use scripts/failure-times"),
    }
}

fn initialize(registrar: SocketAddr, profile: Option<Profile>) {
    let config =
        Config { registrars: vec![registrar.into()], announcements: Announcements::Off, profile, ..Config::default() };
    api::initialize(&config).expect("the library starts");
}

/// An element that answers every message with its number.
fn serve(number: &str, registrar: &str) {
    initialize(registrar.parse().expect("an address"), None);
    let sd = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0).expect("a socket");
    let options = RegisterOptions::default();
    api::register(sd, POOL.as_bytes(), &LoadInfo::default(), Duration::from_secs(30), options).expect("registered");
    println!("registered");
    let mut buffer = [0; 1024];
    while let Ok(received) = api::recvmsg(sd, &mut buffer, Timeout::Never) {
        if received.kind == MessageKind::Data && received.len > 0 {
            let options = SendOptions { session: received.session, ..SendOptions::default() };
            let _ = api::sendmsg(sd, number.as_bytes(), &options, Timeout::Now); // the client may have gone
        }
    }
}

fn run(command: &str) {
    let mut words = command.split_whitespace();
    let program = words.next().expect("a program");
    let status = Command::new(program).args(words).status().expect("iproute2 is there");
    assert!(status.success(), "{command}: {status}");
}

/// A namespace with an element.
struct Host {
    number: usize,
    element: Child,
}

impl Host {
    fn start(number: usize) -> Host {
        run(&format!("ip netns add pe{number}"));
        run(&format!("ip link add to-pe{number} type veth peer name uplink netns pe{number}"));
        run(&format!("ip address add 10.77.{number}.1/24 dev to-pe{number}"));
        run(&format!("ip link set to-pe{number} up"));
        run(&format!("ip -n pe{number} address add 10.77.{number}.2/24 dev uplink"));
        run(&format!("ip -n pe{number} link set uplink up"));
        run(&format!("ip -n pe{number} link set lo up"));
        Host { number, element: Host::element(number) }
    }

    fn element(number: usize) -> Child {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("pe{number}")]).arg(program);
        command.args(["--serve", &number.to_string(), &format!("10.77.{number}.1:{PORT_ASAP}")]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the element starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it registers");
        assert_eq!(line, "registered\n");
        child
    }

    fn signal(&self, signal: i32) {
        // SAFETY: no pointers are involved; the process is ours and has not been waited for. `ip` has become the element.
        unsafe { libc::kill(self.element.id() as i32, signal) };
    }

    /// Pulls or plugs its cable.
    fn link(&self, state: &str) {
        run(&format!("ip -n pe{} link set uplink {state}", self.number));
    }

    fn fail(&self, fault: Fault) {
        match fault {
            Fault::Kill => self.signal(libc::SIGKILL),
            Fault::Hang => self.signal(libc::SIGSTOP),
            Fault::Vanish => self.link("down"),
        }
    }

    /// As new.
    fn recover(&mut self, fault: Fault) {
        self.signal(libc::SIGKILL);
        let _ = self.element.wait(); // it was killed
        if fault == Fault::Vanish {
            self.link("up");
        }
        self.element = Host::element(self.number);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
        let _ = self.element.wait(); // it was killed
    }
}

/// Asks for the pool over and over; returns when it has this number of elements.
fn until_listed(registrar: SocketAddr, wanted: usize, stop: &AtomicBool) -> Option<Time> {
    let mut stream = TcpStream::connect(registrar).expect("the registrar takes TCP");
    let pool_handle = PoolHandle::from(POOL);
    let question = HandleResolution { subscribe: false, pool_handle, items: Some(HOSTS as u32 + 1) };
    let mut bytes = Vec::new();
    AsapMessage::HandleResolution(question).encode(&mut bytes).expect("a short message");
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(&bytes).expect("the registrar reads");
        let mut answer = vec![0; 4];
        stream.read_exact(&mut answer).expect("an answer");
        let length = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
        answer.resize(length.next_multiple_of(4), 0);
        stream.read_exact(&mut answer[4..]).expect("the whole answer");
        if let Ok(AsapMessage::HandleResolutionResponse(response)) = AsapMessage::decode(&answer).map(|d| d.message) {
            if response.pool_elements.len() == wanted {
                return Some(clock::now());
            }
        }
        pause(LOOK);
    }
    None
}

#[allow(clippy::disallowed_methods)] // a measurement takes real time
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The client's session.
struct Session {
    sd: api::Descriptor,
    next_ping: Time,
}

impl Session {
    fn connect() -> Session {
        let sd = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0).expect("a socket");
        api::setsockopt(sd, SOL_RSERPOOL, OPTION_AUTO_FAILOVER, &1i32.to_ne_bytes()).expect("an option of ours");
        api::connect(sd, POOL.as_bytes(), ConnectOptions::default()).expect("a session");
        Session { sd, next_ping: clock::now() }
    }

    /// Sends what is due and waits for an answer until the next message is due; tells who answered.
    fn step(&mut self) -> Option<usize> {
        let now = clock::now();
        if now >= self.next_ping {
            self.next_ping = now + PING;
            let _ = api::sendmsg(self.sd, b"ping", &SendOptions::default(), Timeout::Now); // without a server it is lost
        }
        let mut buffer = [0; 64];
        let wait = self.next_ping.saturating_since(now).max(Duration::from_millis(1));
        let received = api::recvmsg(self.sd, &mut buffer, Timeout::After(wait)).ok()?;
        let text =
            (received.kind == MessageKind::Data).then(|| std::str::from_utf8(&buffer[..received.len]).ok())??;
        text.parse().ok()
    }

    /// Lets messages flow for a time; tells who answered last.
    fn flow(&mut self, time: Duration) -> Option<usize> {
        let end = clock::now() + time;
        let mut last = None;
        while clock::now() < end {
            last = self.step().or(last);
        }
        last
    }
}

fn measure(profile: &str, repetitions: &str, faults: &[&str]) {
    let repetitions: usize = repetitions.parse().expect("a number of repetitions");
    let registrar = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1), PORT_ASAP));
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.args(["registrar", "--asap", "0.0.0.0", "--enrp", "0.0.0.0", "--announce", "off", "--log", "error"]);
    let mut process = command.args(["--profile", profile]).stdout(Stdio::piped()).spawn().expect("a registrar");
    let mut greeting = String::new();
    BufReader::new(process.stdout.take().expect("piped")).read_line(&mut greeting).expect("it says where it is");
    // SAFETY: no other thread runs yet that could read the environment. The elements inherit it.
    unsafe { std::env::set_var("RSERPOOL_PROFILE", profile) };
    let mut hosts: Vec<Host> = (0..HOSTS).map(Host::start).collect();
    initialize(registrar, None);
    let mut session = Session::connect();
    let mut phase = 7u64;
    for (name, fault) in FAULTS {
        if !faults.is_empty() && !faults.contains(&name) {
            continue;
        }
        let (mut served, mut gone) = (Vec::new(), Vec::new());
        for _ in 0..repetitions {
            // At any time between two checks of the registrar.
            phase = phase.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let time = Duration::from_millis(150 + (phase >> 33) % 250);
            let victim = (0..100).find_map(|_| session.flow(time)).expect("somebody serves, even on a busy machine");
            let (again, listed) = fail(&mut session, &mut hosts, victim, fault, registrar);
            if std::env::var_os("VERBOSE").is_some() {
                println!("{name} of {victim}: served again {again:.3?}, gone {listed:.3?}");
            }
            served.extend(again);
            gone.extend(listed);
            hosts[victim].recover(fault);
            until_listed(registrar, HOSTS, &AtomicBool::new(false));
        }
        println!("{profile:<8} {name:<7} client served again {}", statistics(served, repetitions));
        println!("{:<16} gone from resolution {}", "", statistics(gone, repetitions));
    }
    drop(hosts);
    let _ = process.kill(); // it may have ended
    let _ = process.wait();
}

/// Lets a host fail; tells after how long the client had another server, and the registrar did not name this one any more.
fn fail(
    session: &mut Session,
    hosts: &mut [Host],
    victim: usize,
    fault: Fault,
    registrar: SocketAddr,
) -> (Option<f64>, Option<f64>) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        hosts[victim].fail(fault);
        // Not before: to pull a cable, a program has to be started.
        let begin = clock::now();
        let gone = scope.spawn(|| until_listed(registrar, HOSTS - 1, &stop));
        let mut served = None;
        while served.is_none() && clock::now() < begin + PATIENCE {
            if session.step().is_some_and(|server| server != victim) {
                served = Some(clock::now());
            }
        }
        // A host that is found dead by the client first is out of the list soon.
        while !gone.is_finished() && clock::now() < begin + PATIENCE {
            session.step();
        }
        stop.store(true, Ordering::Relaxed);
        let gone = gone.join().expect("the registrar answers");
        let after = |time: Time| time.saturating_since(begin).as_secs_f64();
        (served.map(after), gone.map(after))
    })
}

fn statistics(mut values: Vec<f64>, of: usize) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        values.get(((values.len() as f64 * share).ceil() as usize).max(1) - 1).copied().unwrap_or(f64::NAN)
    };
    let never = match of - values.len() {
        0 => String::new(),
        never => format!(", never ({} s): {never}", PATIENCE.as_secs()),
    };
    let over = values.iter().filter(|&&value| value > GOAL.as_secs_f64()).count();
    let (median, p99, least, most) = (at(0.5), at(0.99), at(0.0), at(1.0));
    format!("median {median:.3} s, p99 {p99:.3}, {least:.3} to {most:.3}; over {GOAL:?}: {over} of {of}{never}")
}
