//! What the tests of the API share: a registrar on loopback, and pool elements in processes of their own.
use super::own_process::OwnProcess;
pub use super::silent_peer::SilentPeer;
use rserpool::api::{self, Config, ConnectOptions, LoadInfo, MessageKind, Notification, RegisterOptions, SendOptions};
use rserpool::api::{SessionChange, Timeout};
use rserpool::driver::clock;
use rserpool::registrar::{Action, Event, Link, Registrar, RegistrarConfig};
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Tcp, Transport, TransportChoice, TransportEvent};
use rserpool::wire::PPID_ASAP;
use rserpool::{PoolElementId, SessionId};
use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Generous: nothing on a healthy machine comes near it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a registrar on loopback, SCTP in UDP and TCP on one port, in a thread that ends with the process.
pub fn start_registrar() -> SocketAddr {
    let (mut sctp, mut tcp, address) = registrar_transports();
    std::thread::spawn(move || {
        let config = RegistrarConfig { announce: false, ..RegistrarConfig::default() };
        let mut registrar = Registrar::new(config.validated().expect("settings that can work"), 7, clock::now());
        loop {
            wait_for(&registrar, &[sctp.as_ref(), &tcp]);
            let mut events = Vec::new();
            collect(sctp.as_mut(), &mut events);
            collect(&mut tcp, &mut events);
            let mut actions = Vec::new();
            for event in &events {
                registrar.handle(clock::now(), event.borrowed(), &mut actions);
            }
            registrar.handle(clock::now(), Event::Timeout, &mut actions);
            for action in actions {
                let on = |association: rserpool::AssociationId| association.transport() == 1;
                match action {
                    Action::Send { association, bytes } => {
                        let message = OutboundMessage::control(PPID_ASAP, &bytes);
                        let transport: &mut dyn Transport = if on(association) { &mut tcp } else { sctp.as_mut() };
                        let _ = transport.send(clock::now(), association, message);
                    }
                    Action::Abort { association, reason } => {
                        let transport: &mut dyn Transport = if on(association) { &mut tcp } else { sctp.as_mut() };
                        transport.abort(clock::now(), association, reason);
                    }
                    _ => {}
                }
            }
        }
    });
    address
}

/// SCTP in UDP, unless the environment wants the kernel's, as `scripts/guest/test` does.
pub fn transport_choice() -> TransportChoice {
    match std::env::var("RSERPOOL_TEST_TRANSPORT").as_deref() {
        Ok("sctp") => TransportChoice::Sctp,
        _ => TransportChoice::SctpUdp,
    }
}

fn registrar_transports() -> (Box<dyn Transport>, Tcp, SocketAddr) {
    // The port that SCTP gets may be taken in TCP: then another one is tried.
    for _ in 0..100 {
        let any = vec!["127.0.0.1:0".parse().unwrap()];
        let config = EndpointConfig { bind: any, listen: true, ..EndpointConfig::default() };
        let sctp = transport::open(transport_choice(), &config).unwrap();
        let address = SocketAddr::new("127.0.0.1".parse().unwrap(), sctp.local_port());
        let config = EndpointConfig { bind: vec![address], transport_number: 1, ..config };
        if let Ok(tcp) = Tcp::open(&config) {
            return (sctp, tcp, address);
        }
    }
    panic!("no port that is free in UDP and TCP");
}

fn wait_for(registrar: &Registrar, transports: &[&dyn Transport]) {
    let deadline = transports.iter().filter_map(|t| t.next_deadline()).chain(registrar.next_deadline()).min();
    let mut fds: Vec<libc::pollfd> = transports
        .iter()
        .filter_map(|t| t.poll_fd())
        .map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 })
        .collect();
    let timeout = deadline.map(|at| at.saturating_since(clock::now()) + Duration::from_millis(1));
    rserpool::driver::client::system::poll(&mut fds, timeout).unwrap();
}

enum Owned {
    Up(rserpool::AssociationId, rserpool::association::Peer),
    Lost(rserpool::AssociationId, rserpool::association::LossReason),
    Message(rserpool::AssociationId, u32, Vec<u8>),
}

impl Owned {
    fn borrowed(&self) -> Event<'_> {
        match self {
            Owned::Up(association, peer) => {
                let (association, peer) = (*association, peer.clone());
                Event::AssociationUp { link: Link::Asap, association, attempt: None, peer }
            }
            Owned::Lost(association, reason) => {
                Event::AssociationLost { association: *association, reason: reason.clone() }
            }
            Owned::Message(association, ppid, bytes) => {
                Event::Message { association: *association, ppid: *ppid, bytes }
            }
        }
    }
}

fn collect(transport: &mut dyn Transport, events: &mut Vec<Owned>) {
    transport.poll(clock::now(), &mut |event| match event {
        TransportEvent::Up { association, peer } => events.push(Owned::Up(association, peer)),
        TransportEvent::Lost { association, reason, .. } => events.push(Owned::Lost(association, reason)),
        TransportEvent::Message { association, ppid, payload, .. } => {
            events.push(Owned::Message(association, ppid, payload.to_vec()));
        }
        _ => {}
    });
}

/// The library, started once, with a registrar of its own.
pub fn library() -> SocketAddr {
    static REGISTRAR: OnceLock<SocketAddr> = OnceLock::new();
    *REGISTRAR.get_or_init(|| {
        let registrar = start_registrar();
        api::initialize(&config(registrar)).unwrap();
        registrar
    })
}

pub fn config(registrar: SocketAddr) -> Config {
    Config {
        registrars: vec![registrar.into()],
        transport: Some(transport_choice()),
        announcements: api::Announcements::Off,
        ..Config::default()
    }
}

pub fn stream_socket() -> libc::c_int {
    api::socket(libc::AF_INET, libc::SOCK_STREAM, 0).unwrap()
}

pub fn seqpacket_socket() -> libc::c_int {
    api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0).unwrap()
}

/// Registers a socket; fails the test unless the registrar knows the element afterwards.
pub fn register(sd: libc::c_int, pool: &str) {
    let interval = Duration::from_secs(30);
    api::register(sd, pool.as_bytes(), &LoadInfo::default(), interval, RegisterOptions::default()).unwrap();
    let id = api::getsockname(sd).unwrap().pool_element_id;
    let elements = api::getaddrinfo(pool.as_bytes(), Some(100), Duration::ZERO).unwrap();
    assert!(elements.iter().any(|element| element.pool_element_id == id), "{elements:?}");
}

pub fn connect(pool: &str) -> libc::c_int {
    let sd = seqpacket_socket();
    api::connect(sd, pool.as_bytes(), ConnectOptions::default()).unwrap();
    sd
}

pub fn send(sd: libc::c_int, text: &str) {
    let options = SendOptions { ppid: 99, ..SendOptions::default() };
    assert_eq!(api::sendmsg(sd, text.as_bytes(), &options, Timeout::After(PATIENCE)).unwrap(), text.len());
}

/// A thread in a call that waits; it does already: were the descriptor closed before, another test's could have its number.
pub fn blocked_in<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    let (tell, told) = std::sync::mpsc::channel();
    let blocked = std::thread::spawn(move || {
        // SAFETY: no pointers are involved.
        tell.send(unsafe { libc::gettid() }).unwrap();
        call()
    });
    let path = format!("/proc/self/task/{}/stat", told.recv().unwrap());
    while !std::fs::read_to_string(&path).unwrap().contains(") S ") {
        std::thread::yield_now();
    }
    blocked
}

/// What one receive brings: a message as text, or a notification.
#[derive(Debug, PartialEq, Eq)]
pub enum Got {
    Data(String),
    Cookie(String),
    Notification(Notification),
    End,
}

pub fn receive(sd: libc::c_int) -> (Got, SessionId) {
    let mut buffer = vec![0; 70_000];
    let received = api::recvmsg(sd, &mut buffer, Timeout::After(PATIENCE)).unwrap();
    assert!(received.end_of_record);
    let text = || String::from_utf8_lossy(&buffer[..received.len]).into_owned();
    let got = match received.kind {
        MessageKind::Notification(notification) => Got::Notification(notification),
        MessageKind::CookieEcho => Got::Cookie(text()),
        MessageKind::Data if received.len == 0 => Got::End,
        MessageKind::Data => Got::Data(text()),
    };
    (got, received.session)
}

/// Reads until a message comes, and says of which session.
pub fn session_of_first_data(sd: libc::c_int) -> SessionId {
    loop {
        if let (Got::Data(_), session) = receive(sd) {
            return session;
        }
    }
}

/// As a program does it.
pub fn make_nonblocking(sd: libc::c_int) {
    // SAFETY: no pointers are involved.
    assert_eq!(unsafe { libc::fcntl(sd, libc::F_SETFL, libc::O_NONBLOCK) }, 0);
}

/// A server that counts the messages of each session, answers "<name>:<count>:<text>", and gives the count away as a cookie,
/// so that the next server goes on counting. One-to-many. Never returns unless the library is cleaned up.
pub fn serve_counting(sd: libc::c_int, name: &str) {
    let mut counts = std::collections::BTreeMap::<u32, u64>::new();
    let mut buffer = vec![0; 70_000];
    let cookie_length = std::env::var("TEST_COOKIE_LENGTH").map_or(0, |length| length.parse().unwrap());
    loop {
        let received = match api::recvmsg(sd, &mut buffer, Timeout::Never) {
            Ok(received) => received,
            // It was stopped and goes on.
            Err(error) if error.errno == libc::EINTR => continue,
            Err(_) => return,
        };
        let session = received.session;
        let count = counts.entry(session.0).or_insert(0);
        match received.kind {
            MessageKind::Notification(Notification::SessionChange { change: SessionChange::Remove, session }) => {
                counts.remove(&session.0);
            }
            MessageKind::Notification(_) => {}
            MessageKind::CookieEcho => {
                *count = String::from_utf8_lossy(&buffer[..received.len]).trim().parse().unwrap_or(0);
            }
            MessageKind::Data => {
                *count += 1;
                let text = String::from_utf8_lossy(&buffer[..received.len]);
                let answer = match &*text {
                    COOKIES_REFUSED => format!("{} cookies refused", cookies_refused(sd)),
                    _ => format!("{name}:{count}:{text}"),
                };
                let options = SendOptions { session, ppid: received.ppid, ..SendOptions::default() };
                let cookie = format!("{count:<cookie_length$}");
                let _ = api::send_cookie(sd, cookie.as_bytes(), session, Timeout::After(PATIENCE));
                let _ = api::sendmsg(sd, answer.as_bytes(), &options, Timeout::After(PATIENCE));
            }
        }
    }
}

/// What [`serve_counting`] is asked for, to tell how many cookies it has refused.
pub const COOKIES_REFUSED: &str = "how many cookies were refused?";

fn cookies_refused(sd: libc::c_int) -> i32 {
    let mut value = [0; 4];
    api::getsockopt(sd, api::SOL_RSERPOOL, api::OPTION_COOKIES_REFUSED, &mut value).unwrap();
    i32::from_ne_bytes(value)
}

/// A server that answers with the same text, gives it away as a cookie, and says first what cookie a session came with. One-to-one.
fn serve_each(listening: libc::c_int) {
    while let Ok(sd) = api::accept(listening, Timeout::Never) {
        std::thread::spawn(move || {
            let mut came_with = String::new();
            loop {
                match receive(sd).0 {
                    Got::Data(text) => {
                        let cookie = format!("cookie of {text}");
                        api::send_cookie(sd, cookie.as_bytes(), SessionId(1), Timeout::After(PATIENCE)).unwrap();
                        send(sd, &format!("{came_with}{text}"));
                    }
                    Got::Cookie(cookie) => came_with = format!("{cookie}, then "),
                    Got::Notification(_) => {}
                    Got::End => return,
                }
            }
        });
    }
}

/// A pool element in a process of its own, which can be killed.
pub struct ServerProcess {
    child: OwnProcess,
    lines: Lines<BufReader<ChildStdout>>,
    pub id: PoolElementId,
}

impl ServerProcess {
    /// Starts this test program again as a server; `entry` is the name of the ignored test that calls [`server_main`].
    pub fn start(registrar: SocketAddr, pool: &str) -> ServerProcess {
        ServerProcess::start_with(registrar, pool, &[])
    }

    /// The same, with more in its environment.
    pub fn start_with(registrar: SocketAddr, pool: &str, environment: &[(&str, String)]) -> ServerProcess {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "server_process", "--nocapture", "--test-threads=1"])
            .env("TEST_REGISTRAR", registrar.to_string())
            .env("TEST_POOL", pool)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let id = loop {
            let line = lines.next().expect("the server says its identifier").unwrap();
            if let Some((_, id)) = line.split_once("registered ") {
                break PoolElementId(id.parse().unwrap());
            }
        };
        ServerProcess { child: OwnProcess(child), lines, id }
    }

    /// The next line of its log with these words, of one that was started with `TEST_LOG`.
    pub fn logged(&mut self, words: &[&str]) -> String {
        loop {
            let line = self.lines.next().expect("a line with these words").unwrap();
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: the process is our child and has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }

    /// Stops it; it does nothing more when this returns.
    pub fn stop(&self) {
        self.signal(libc::SIGSTOP);
        // SAFETY: the process is our child; nothing is stored through the null pointer.
        let stopped = unsafe { libc::waitpid(self.child.id() as libc::pid_t, std::ptr::null_mut(), libc::WUNTRACED) };
        assert_eq!(stopped, self.child.id() as libc::pid_t);
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Warnings to standard output, which the test that has started this process reads.
struct LogToOutput;

impl log::Log for LogToOutput {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("{}: {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

/// What the ignored test `server_process` does.
pub fn server_main() {
    let Ok(registrar) = std::env::var("TEST_REGISTRAR") else { return };
    let pool = std::env::var("TEST_POOL").unwrap();
    if std::env::var_os("TEST_LOG").is_some() {
        log::set_logger(&LogToOutput).expect("no other logger");
        log::set_max_level(log::LevelFilter::Warn);
    }
    api::initialize(&config(registrar.parse().unwrap())).unwrap();
    let one_to_one = std::env::var_os("TEST_ONE_TO_ONE").is_some();
    let sd = if one_to_one { stream_socket() } else { seqpacket_socket() };
    register(sd, &pool);
    let id = api::getsockname(sd).unwrap().pool_element_id.0;
    println!("registered {id}");
    if one_to_one {
        serve_each(sd);
    }
    serve_counting(sd, &id.to_string());
}
