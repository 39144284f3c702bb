//! The `rserpool` program in tests: starting it, talking to it, ending it.
use super::own_process::OwnProcess;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::message::AsapMessage;
use rserpool::message::asap::{EndpointKeepAliveAck, Registration};
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Transport, TransportChoice, TransportEvent};
use rserpool::wire::{AddressList, PPID_ASAP, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `rserpool` with these arguments, to its end.
pub fn rserpool(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_rserpool");
    Command::new(program).args(arguments).env_remove("RSERPOOL_TRANSPORT").output().expect("the program starts")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A running `rserpool registrar` on free loopback ports.
pub struct RegistrarProcess {
    child: OwnProcess,
    pub asap: SocketAddr,
    pub enrp: SocketAddr,
    /// Where it has options for that.
    pub http: Option<SocketAddr>,
}

impl RegistrarProcess {
    pub fn start(options: &[&str]) -> RegistrarProcess {
        RegistrarProcess::start_program(Path::new(env!("CARGO_BIN_EXE_rserpool")), options)
    }

    /// One that is somewhere else than where cargo put it.
    pub fn start_program(program: &Path, options: &[&str]) -> RegistrarProcess {
        // Whoever runs the tests may have been started by nohup(1).
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP").arg(program);
        RegistrarProcess::start_command(command, options)
    }

    /// One with these variables in its environment.
    pub fn start_with_environment(variables: &[(&str, &OsStr)], options: &[&str]) -> RegistrarProcess {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
        command.envs(variables.iter().copied());
        RegistrarProcess::start_command(command, options)
    }

    /// One that the system allows so many descriptors, of which it has to ask for some.
    pub fn start_with_descriptors(soft: u32, hard: u32, options: &[&str]) -> RegistrarProcess {
        RegistrarProcess::start_limited(&format!("--nofile={soft}:{hard}"), options)
    }

    /// One that has so many bytes for all that it writes to: heap, stacks of threads, what it maps for itself.
    pub fn start_with_memory(bytes: usize, options: &[&str]) -> RegistrarProcess {
        RegistrarProcess::start_limited(&format!("--data={bytes}"), options)
    }

    fn start_limited(limit: &str, options: &[&str]) -> RegistrarProcess {
        let mut command = Command::new("prlimit");
        command.arg(limit).arg(env!("CARGO_BIN_EXE_rserpool"));
        RegistrarProcess::start_command(command, options)
    }

    /// As nohup(1) starts it.
    pub fn start_ignoring_hangup(options: &[&str]) -> RegistrarProcess {
        let mut command = Command::new("nohup");
        command.arg(env!("CARGO_BIN_EXE_rserpool")).stdin(Stdio::null());
        RegistrarProcess::start_command(command, options)
    }

    fn start_command(mut command: Command, options: &[&str]) -> RegistrarProcess {
        command
            .args(["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off"])
            .args(options);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut greeting).expect("a line");
        let word_after = |key: &str| {
            let mut words = greeting.split_whitespace();
            words.find(|w| *w == key).and_then(|_| words.next()).and_then(|w| w.parse::<SocketAddr>().ok())
        };
        let addresses = word_after("asap").zip(word_after("enrp"));
        let (asap, enrp) = addresses.unwrap_or_else(|| panic!("unexpected greeting \"{greeting}\""));
        RegistrarProcess { child: OwnProcess(child), asap, enrp, http: word_after("http") }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: no pointers are involved; the process is ours and has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Leaves the least room for the log, which nobody reads before the end.
    pub fn narrow_log(&self) {
        let log = self.child.stderr.as_ref().expect("piped").as_raw_fd();
        // SAFETY: no pointers are involved.
        assert!(unsafe { libc::fcntl(log, libc::F_SETPIPE_SZ, 4096) } >= 0, "a pipe of one page");
    }

    /// Sends a signal, waits for the end, and returns the exit status with what was logged.
    pub fn end_by(mut self, signal: i32) -> (ExitStatus, String) {
        self.signal(signal);
        let mut log = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
        (self.child.wait().expect("it ends"), log)
    }
}

/// A pool element that consists of little more than its registration.
pub struct Element {
    transport: Box<dyn Transport>,
    poller: Poller,
    association: AssociationId,
    /// The last poll left something to do.
    more: bool,
    /// Why the association with the registrar ended, once it has.
    pub lost: Option<String>,
}

impl Element {
    /// Registers an element and returns when that is confirmed.
    pub fn register(registrar: SocketAddr, handle: impl AsRef<[u8]>, id: u32) -> Element {
        let bind = vec!["127.0.0.1:0".parse().expect("an address")];
        let config = EndpointConfig { bind, ..EndpointConfig::default() };
        let mut transport = transport::open(TransportChoice::Auto, &config).expect("an endpoint");
        let peer = PeerAddress::from(registrar);
        let association = transport.connect(clock::now(), &peer, PATIENCE).expect("a connect begins");
        let poller = Poller::new().expect("an epoll descriptor");
        poller.add(transport.poll_fd().expect("a real transport"), 0).expect("epoll takes it");
        let mut element = Element { transport, poller, association, more: true, lost: None };
        element.until("the association is up", |event| matches!(event, Seen::Up));
        let registration = registration(handle, id, element.transport.local_port());
        element.send(&registration);
        element.until("the registration is confirmed", |event| match event {
            Seen::Message(AsapMessage::RegistrationResponse(response)) => {
                assert_eq!(response.error, None);
                true
            }
            _ => false,
        });
        element
    }

    pub fn send(&mut self, message: &AsapMessage) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("a short message");
        let message = OutboundMessage::control(PPID_ASAP, &bytes);
        self.transport.send(clock::now(), self.association, message).expect("there is room");
    }

    /// Lives on, answering keep-alives, until the association ends.
    pub fn until_lost(&mut self) {
        self.until("the association ends", |event| matches!(event, Seen::Lost));
    }

    /// Lives on in a thread, however long, until the association ends, as it does with the registrar.
    pub fn live(mut self) {
        std::thread::spawn(move || {
            while self.lost.is_none() {
                self.step(clock::now() + PATIENCE, &mut |_| false);
            }
        });
    }

    /// Lives on until `done`.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Seen) -> bool) {
        let end = clock::now() + PATIENCE;
        self.more = true; // what was sent meanwhile may want to be done
        while !self.step(end, &mut done) {
            assert!(clock::now() < end, "not within {PATIENCE:?}: {what}");
        }
    }

    /// Waits for something to happen, does what it asks for, and tells whether `done`.
    fn step(&mut self, end: Time, done: &mut impl FnMut(&Seen) -> bool) -> bool {
        let wake = if self.more { Some(Time::ZERO) } else { self.transport.next_deadline() };
        let wake = Some(wake.map_or(end, |at| at.min(end)));
        self.poller.wait(clock::now(), wake, &mut Vec::new()).expect("epoll works");
        let mut seen = Vec::new();
        self.more = self.transport.poll(clock::now(), &mut |event| match event {
            TransportEvent::Up { .. } => seen.push(Seen::Up),
            TransportEvent::Message { payload, .. } => {
                seen.push(Seen::Message(AsapMessage::decode(payload).expect("an ASAP message").message));
            }
            TransportEvent::Lost { reason, .. } | TransportEvent::ConnectFailed { reason, .. } => {
                self.lost = Some(reason.to_string());
                seen.push(Seen::Lost);
            }
            TransportEvent::Writable { .. } => {}
        });
        let mut finished = false;
        for event in seen {
            if let Seen::Message(AsapMessage::EndpointKeepAlive(question)) = &event {
                let pool_element_id = question.pool_element_id.expect("our registrar names the element");
                let pool_handle = question.pool_handle.clone();
                self.send(&AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck { pool_handle, pool_element_id }));
            }
            finished |= done(&event);
        }
        finished
    }
}

/// What an element notices.
pub enum Seen {
    Up,
    Message(AsapMessage),
    Lost,
}

pub fn registration(handle: impl AsRef<[u8]>, id: u32, port: u16) -> AsapMessage {
    AsapMessage::Registration(Registration {
        pool_handle: PoolHandle::new(handle.as_ref()),
        pool_element: PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::for_interval(Duration::from_secs(600)),
            user_transport: TransportParameter::Sctp {
                port,
                transport_use: TransportUse::DataOnly,
                addresses: AddressList::from_slice(&["127.0.0.1".parse().expect("an address")]),
            },
            policy: Policy::RoundRobin,
            asap_transport: None,
        },
        life_in_seconds: None,
    })
}
