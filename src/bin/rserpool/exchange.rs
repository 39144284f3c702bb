//! A connection to a registrar for a question and its answers.

use crate::failure::Failure;
use rserpool::association::PeerAddress;
use rserpool::driver::client::Protection;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::transport::{
    self, EndpointConfig, OutboundMessage, Transport, TransportChoice, TransportError, TransportEvent,
};
use rserpool::{AssociationId, Time};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

/// Over what to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// TCP, which registrars offer to pool users.
    Tcp,
    /// SCTP.
    Sctp(TransportChoice),
}

impl Way {
    /// `tcp`, or what `--transport` means elsewhere.
    pub fn parse(text: &str) -> Result<Way, String> {
        match text {
            "tcp" => Ok(Way::Tcp),
            other => other.parse().map(Way::Sctp).map_err(|error: String| format!("{error}, or tcp")),
        }
    }
}

static PROTECTION: OnceLock<Protection> = OnceLock::new();

/// From now on, TCP connections are made in this way; the first call counts.
pub fn ask_under(protection: Protection) {
    PROTECTION.get_or_init(|| protection);
}

fn protection() -> Protection {
    PROTECTION.get().cloned().unwrap_or_default()
}

/// Messages that may wait to be looked at; a registrar answers with one a question.
const MAX_WAITING: usize = 64;

/// How long the registrar may take to say goodbye; then the association is aborted.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection to a registrar.
pub struct Exchange {
    transport: Box<dyn Transport>,
    poller: Poller,
    association: AssociationId,
    registrar: SocketAddr,
    deadline: Time,
    received: std::collections::VecDeque<Vec<u8>>,
    /// Neither connecting nor lost.
    up: bool,
    /// It was up at some time.
    came_up: bool,
}

enum Progress {
    Waiting,
    Up,
    Gone(String),
}

impl Exchange {
    /// Connects to the first of these addresses at which somebody answers; each has an equal share of the time that is left.
    pub fn connect_to_any(way: Way, registrars: &[SocketAddr], timeout: Duration) -> Result<Exchange, Failure> {
        let deadline = clock::now() + timeout;
        let mut failure = Failure::NoAnswer("the registrar has no address".to_owned());
        for (&registrar, left) in registrars.iter().zip((1..=registrars.len() as u32).rev()) {
            let share = deadline.saturating_since(clock::now()) / left;
            match Exchange::connect(way, registrar, share) {
                Ok(mut exchange) => {
                    exchange.deadline = deadline;
                    return Ok(exchange);
                }
                Err(Failure::NoAnswer(why)) => failure = Failure::NoAnswer(why),
                Err(other) => return Err(other),
            }
        }
        Err(failure)
    }

    /// Where the registrar is.
    pub fn registrar(&self) -> SocketAddr {
        self.registrar
    }

    /// Connects; everything up to the last answer must come within `timeout`.
    fn connect(way: Way, registrar: SocketAddr, timeout: Duration) -> Result<Exchange, Failure> {
        // Nobody was asked: status 1 would say that there was an answer.
        let failed = |why: String| Failure::NoAnswer(format!("cannot ask the registrar at {registrar}: {why}"));
        let mut transport = open(way, registrar).map_err(|error| failed(error.to_string()))?;
        let poller = Poller::new().map_err(|error| failed(error.to_string()))?;
        if let Some(fd) = transport.poll_fd() {
            poller.add(fd, 0).map_err(|error| failed(error.to_string()))?;
        }
        let now = clock::now();
        let mut peer = PeerAddress::from(registrar);
        if way == Way::Tcp {
            peer.port = protection().port_for(peer.port);
        }
        let association = transport.connect(now, &peer, timeout).map_err(|error| failed(error.to_string()))?;
        let received = std::collections::VecDeque::new();
        let deadline = now + timeout;
        let mut exchange =
            Exchange { transport, poller, association, registrar, deadline, received, up: false, came_up: false };
        loop {
            match exchange.step()? {
                Progress::Up => return Ok(exchange),
                Progress::Gone(why) if exchange.came_up => return Err(exchange.left(&why)),
                Progress::Gone(why) => {
                    return Err(Failure::NoAnswer(format!("the registrar at {registrar} cannot be reached: {why}")));
                }
                Progress::Waiting => {}
            }
        }
    }

    /// Sends a message.
    pub fn send(&mut self, ppid: u32, message: &[u8]) -> Result<(), Failure> {
        let message = OutboundMessage::control(ppid, message);
        self.transport.send(clock::now(), self.association, message).map_err(|error| {
            Failure::Left(format!("the registrar at {} did not take the question: {error}", self.registrar))
        })
    }

    fn left(&self, why: &str) -> Failure {
        Failure::Left(format!("the registrar at {} left without an answer: {why}", self.registrar))
    }

    /// The next message of the registrar.
    pub fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(message) = self.received.pop_front() {
                return Ok(message);
            }
            if let Progress::Gone(why) = self.step()? {
                if self.received.is_empty() {
                    return Err(self.left(&why));
                }
            }
        }
    }

    /// Waits for something to happen.
    fn step(&mut self) -> Result<Progress, Failure> {
        let now = clock::now();
        if now >= self.deadline {
            return Err(Failure::NoAnswer(format!("the registrar at {} did not answer in time", self.registrar)));
        }
        let wake = self.transport.next_deadline().map_or(self.deadline, |at| at.min(self.deadline));
        self.poller.wait(now, Some(wake), &mut Vec::new()).map_err(|error| Failure::Failed(error.to_string()))?;
        let mut progress = Progress::Waiting;
        let (received, came_up) = (&mut self.received, &mut self.came_up);
        self.transport.poll(clock::now(), &mut |event| match event {
            TransportEvent::Up { .. } => {
                *came_up = true;
                progress = Progress::Up;
            }
            TransportEvent::Message { payload, .. } if received.len() < MAX_WAITING => {
                received.push_back(payload.to_vec());
            }
            TransportEvent::ConnectFailed { reason, .. } | TransportEvent::Lost { reason, .. } => {
                progress = Progress::Gone(reason.to_string());
            }
            TransportEvent::Message { .. } | TransportEvent::Writable { .. } => {}
        });
        match progress {
            Progress::Up => self.up = true,
            Progress::Gone(_) => self.up = false,
            Progress::Waiting => {}
        }
        Ok(progress)
    }
}

fn open(way: Way, registrar: SocketAddr) -> Result<Box<dyn Transport>, TransportError> {
    let any: IpAddr = if registrar.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let config =
        EndpointConfig { bind: vec![SocketAddr::new(any, 0)], max_associations: 1, ..EndpointConfig::default() };
    match way {
        Way::Tcp => protection().open_tcp(&config),
        Way::Sctp(choice) => transport::open(choice, &config),
    }
}

impl Drop for Exchange {
    /// Leaves in order: an ABORT would look like a failure to whoever watches the registrar.
    fn drop(&mut self) {
        let now = clock::now();
        self.transport.shutdown(now, self.association);
        self.deadline = now + FAREWELL;
        while self.up && self.step().is_ok() {}
        self.transport.abort(clock::now(), self.association, "done");
    }
}
