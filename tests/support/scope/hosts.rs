//! Hosts of many pool elements, and pool users that resolve all the time: each a process of its own, with the library's
//! real driver, started from the test program itself.

use super::super::own_process::OwnProcess;
use super::PATIENCE;
use rserpool::api;
use rserpool::asap::AsapConfig;
use rserpool::association::PeerAddress;
use rserpool::driver::client::{Instance, InstanceConfig, Protection, Registration, Wait};
use rserpool::driver::clock;
use rserpool::session::PoolUserConfig;
use rserpool::transport::{SctpParameters, TransportChoice};
use rserpool::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{PoolElementId, PoolHandle, RegistrarId, Time};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What tells a process that it is a host, and which.
const ROLE: &str = "SCOPE_HOST";
/// Re-registration of elements, which is not what keeps them known: keep-alives and takeovers do.
const REREGISTRATION: Duration = Duration::from_secs(60);
pub const POOL: &str = "ScopePool";

/// The arguments that lead to [`main`]; a test program needs the name of an ignored test.
pub type EntryArguments = &'static [&'static str];

/// A process with pool elements or a pool user, ended with this value.
struct Host {
    child: OwnProcess,
    /// Its end tells the process to end.
    stdin: Option<ChildStdin>,
    lines: Receiver<(Time, String)>,
}

impl Host {
    fn start(entry: EntryArguments, role: &str, registrars: &[SocketAddr], settings: &[(&str, String)]) -> Host {
        let registrars: Vec<String> = registrars.iter().map(SocketAddr::to_string).collect();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(entry).env(ROLE, role).env("SCOPE_REGISTRARS", registrars.join(","));
        command.envs(settings.iter().map(|(name, value)| (*name, value)));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program starts again");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let stdin = child.stdin.take();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send((clock::now(), line)).is_err() {
                    return;
                }
            }
        });
        Host { child: OwnProcess(child), stdin, lines }
    }

    /// The rest of the next line with `keyword`, and when it came.
    fn wait_for(&self, keyword: &str) -> (Time, String) {
        let end = clock::now() + PATIENCE;
        loop {
            let left = end.saturating_since(clock::now());
            let (at, line) = self.lines.recv_timeout(left).unwrap_or_else(|error| panic!("no \"{keyword}\": {error}"));
            // The test harness of the process writes lines as well, even without their ends.
            if let Some((_, rest)) = line.split_once(keyword) {
                return (at, rest.trim().to_owned());
            }
        }
    }
}

/// Elements in a process, each `per_association` of them with an association of their own.
pub struct Elements {
    host: Host,
}

/// How many elements a process has.
#[derive(Clone, Copy)]
pub struct Shape {
    pub associations: usize,
    pub per_association: usize,
}

impl Elements {
    /// Starts a process; [`Elements::registered`] waits for it.
    pub fn start(entry: EntryArguments, registrars: &[SocketAddr], first_id: usize, shape: Shape) -> Elements {
        let settings = [
            ("SCOPE_FIRST_ID", first_id.to_string()),
            ("SCOPE_ASSOCIATIONS", shape.associations.to_string()),
            ("SCOPE_PER_ASSOCIATION", shape.per_association.to_string()),
        ];
        Elements { host: Host::start(entry, "elements", registrars, &settings) }
    }

    /// Waits until all are registered.
    pub fn registered(&self) {
        let (_, result) = self.host.wait_for("registered:");
        assert_eq!(result, "ok");
    }

    /// Changes of home registrars, at least so many unless that takes for ever, and then until there were none for `quiet`:
    /// when each came.
    pub fn home_changes(&self, least: usize, quiet: Duration) -> Vec<Time> {
        let mut changes = Vec::new();
        let patience = |seen: usize| if seen < least { PATIENCE } else { quiet };
        while let Ok((at, line)) = self.host.lines.recv_timeout(patience(changes.len())) {
            if line.contains("home:") {
                changes.push(at);
            }
        }
        changes
    }
}

/// A pool user that resolves at a rate.
pub struct User {
    host: Host,
}

/// What a pool user saw.
#[derive(Debug)]
pub struct Seen {
    pub resolutions: u64,
    pub errors: u64,
    pub longest: Duration,
    pub first_error: String,
}

impl User {
    /// Starts it; returns when it has resolved once.
    pub fn start(entry: EntryArguments, registrars: &[SocketAddr], interval: Duration) -> User {
        let settings = [("SCOPE_INTERVAL_US", interval.as_micros().to_string())];
        let user = User { host: Host::start(entry, "user", registrars, &settings) };
        user.host.wait_for("resolving");
        user
    }

    /// Ends it.
    pub fn end(mut self) -> Seen {
        drop(self.host.stdin.take());
        let (_, result) = self.host.wait_for("seen:");
        let mut words = result.splitn(4, ' ');
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
        let (resolutions, errors, longest_us) = (number(), number(), number());
        let first_error = words.next().unwrap_or_default().to_owned();
        Seen { resolutions, errors, longest: Duration::from_micros(longest_us), first_error }
    }
}

/// What a host process does; returns at once in any other process.
pub fn main() {
    match std::env::var(ROLE).as_deref() {
        Ok("elements") => be_elements(),
        Ok("user") => be_user(),
        _ => {}
    }
}

/// Whether this process is one.
pub fn is_host() -> bool {
    std::env::var_os(ROLE).is_some()
}

fn setting<T: std::str::FromStr>(name: &str) -> T {
    let value = std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    value.parse().unwrap_or_else(|_| panic!("{name} is \"{value}\""))
}

fn registrars() -> Vec<PeerAddress> {
    let all: String = setting("SCOPE_REGISTRARS");
    all.split(',').map(|address| address.parse::<SocketAddr>().expect("an address").into()).collect()
}

/// Ends when the parent closes our standard input, or dies.
fn parent_ends() -> Receiver<()> {
    let (sender, ended) = channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(sender);
    });
    ended
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that has gone needs no line any more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Tells the parent when the client core says that it has a new home registrar.
struct HomeLog;

impl log::Log for HomeLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        if text.starts_with("home registrar is now") {
            say(&format!("home: {text}"));
        }
    }

    fn flush(&self) {}
}

fn be_elements() {
    log::set_logger(&HomeLog).expect("no other logger");
    log::set_max_level(log::LevelFilter::Info);
    let ended = parent_ends();
    let first: usize = setting("SCOPE_FIRST_ID");
    let (associations, each): (usize, usize) = (setting("SCOPE_ASSOCIATIONS"), setting("SCOPE_PER_ASSOCIATION"));
    let mut instances = Vec::new();
    let mut result = Ok(());
    for number in 0..associations {
        let asap = AsapConfig { static_registrars: registrars(), ..AsapConfig::default() };
        let seed = (first + number * each) as u64;
        let config = InstanceConfig {
            transport: TransportChoice::Auto,
            protection: Protection::default(),
            sctp: SctpParameters::default(),
            session: PoolUserConfig::default(),
            asap: asap.validated().expect("settings that can work"),
            registrar_names: Vec::new(),
            announcement_groups: Vec::new(),
            seed,
            cookies: None,
            csp: None,
        };
        let instance = Instance::start(config).expect("a thread");
        for element in 0..each {
            if let Err(error) = instance.io.register(registration(first + number * each + element), Wait::ForAnswer) {
                result = Err(error);
            }
        }
        instances.push(instance);
    }
    say(&format!("registered: {}", result.map_or_else(|error| error.to_string(), |()| "ok".to_owned())));
    let _ = ended.recv();
    keep(instances);
}

/// They end with the process: nothing is de-registered, which would be another test.
fn keep(instances: Vec<Arc<Instance>>) {
    static KEPT: OnceLock<Vec<Arc<Instance>>> = OnceLock::new();
    let _ = KEPT.set(instances);
}

fn registration(id: usize) -> Registration {
    let user_transport = TransportParameter::Sctp {
        port: 7000,
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::new(), // filled in by the driver
    };
    Registration {
        pool_handle: PoolHandle::from(POOL),
        pool_element: PoolElement {
            id: PoolElementId(id as u32),
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::for_interval(REREGISTRATION),
            user_transport,
            policy: Policy::RoundRobin,
            asap_transport: None,
        },
        reregistration_interval: REREGISTRATION,
        socket: None,
    }
}

fn be_user() {
    let ended = parent_ends();
    let interval = Duration::from_micros(setting("SCOPE_INTERVAL_US"));
    let config =
        api::Config { registrars: registrars(), announcements: api::Announcements::Off, ..api::Config::default() };
    api::initialize(&config).expect("the library starts");
    let mut seen = Seen { resolutions: 0, errors: 0, longest: Duration::ZERO, first_error: String::new() };
    let mut next = clock::now();
    loop {
        let begin = clock::now();
        let result = api::getaddrinfo(POOL.as_bytes(), Some(3), Duration::ZERO);
        seen.resolutions += 1;
        seen.longest = seen.longest.max(clock::now().saturating_since(begin));
        let error = match result {
            Ok(elements) if elements.is_empty() => Some("no elements".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error {
            seen.errors += 1;
            if seen.first_error.is_empty() {
                seen.first_error = error.replace('\n', " ");
            }
        }
        if seen.resolutions == 1 {
            say("resolving");
        }
        // At a fixed rate; what was late is not caught up with.
        next = (next + interval).max(clock::now());
        if ended.recv_timeout(next.saturating_since(clock::now())) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    let Seen { resolutions, errors, longest, first_error } = seen;
    say(&format!("seen: {resolutions} {errors} {} {first_error}", longest.as_micros()));
    api::cleanup();
}
