//! Many associations with one server, driven by one loop, each with a window of requests under way.

use super::histogram::Histogram;
use super::progress::Progress;
use super::work::{Nothing, Verdict, Work, judge};
use crate::exchange::Way;
use crate::failure::Failure;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Tcp, Transport, TransportEvent};
use rserpool::wire::PPID_ASAP;
use rserpool::{AssociationId, Time};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::time::Duration;

/// How long connecting may take, and how long a server may say nothing while requests are under way.
const PATIENCE: Duration = Duration::from_secs(10);
/// Associations that connect at a time: more would only fill the server's queue of them.
const CONNECTS: usize = 32;
/// How long the server may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often idle associations are looked at: a registrar whose keep-alives are not answered takes their elements for dead.
const ATTENDANCE: Duration = Duration::from_millis(200);

/// What came out of a run.
#[derive(Default)]
pub struct Measurement {
    pub asked: u64,
    pub answers: u64,
    pub refused: u64,
    pub elapsed: Duration,
    pub latency: Histogram,
    pub bytes_asked: u64,
    pub bytes_answered: u64,
}

impl Measurement {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Bytes of a request and of an answer, on average; as all messages, multiples of four.
    pub fn sizes(&self) -> (usize, usize) {
        let mean = |bytes: u64, count: u64| (bytes.checked_div(count).unwrap_or(0) as usize).next_multiple_of(4);
        (mean(self.bytes_asked, self.asked), mean(self.bytes_answered, self.answers))
    }
}

/// A run: what is asked, by whom, how many at a time, for how long.
pub struct Plan<'a> {
    pub work: &'a mut dyn Work,
    /// Numbers of associations.
    pub askers: Range<usize>,
    /// Requests of one association under way.
    pub window: usize,
    /// None: until the work is done.
    pub time: Option<Duration>,
    pub progress: Progress,
    /// Associations with another server that ask nothing meanwhile, but answer.
    pub idle: Option<&'a mut Load>,
}

struct Member {
    transport: Box<dyn Transport>,
    association: AssociationId,
    up: bool,
    /// The last poll left something to do.
    more: bool,
    /// When the requests under way were sent, oldest first.
    asked: VecDeque<Time>,
}

impl Member {
    fn deadline(&self) -> Time {
        if self.more { Time::ZERO } else { self.transport.next_deadline().unwrap_or(Time::MAX) }
    }
}

/// The associations.
pub struct Load {
    server: SocketAddr,
    members: Vec<Member>,
    poller: Poller,
    ready: Vec<u64>,
    /// When the last wait ended: reading the clock is not cheap everywhere.
    now: Time,
    /// No member's timer is due earlier.
    due: Time,
}

impl Load {
    /// Without associations yet.
    pub fn new(server: SocketAddr) -> Result<Load, Failure> {
        let poller = Poller::new().map_err(failed)?;
        Ok(Load { server, members: Vec::new(), poller, ready: Vec::new(), now: clock::now(), due: Time::MAX })
    }

    /// Adds `count` associations; returns their numbers.
    pub fn connect(&mut self, way: Way, count: usize) -> Result<Range<usize>, Failure> {
        let first = self.members.len();
        let local = local_address(self.server)?;
        let mut progress = Progress::new("associations connected", Some(count as u64), clock::now());
        while self.members.len() < first + count {
            for _ in 0..CONNECTS.min(first + count - self.members.len()) {
                self.start(way, local)?;
            }
            self.await_connects()?;
            progress.at(self.now, (self.members.len() - first) as u64);
        }
        Ok(first..first + count)
    }

    fn start(&mut self, way: Way, local: IpAddr) -> Result<(), Failure> {
        let mut transport = open(way, local)?;
        if let Some(fd) = transport.poll_fd() {
            self.poller.add(fd, self.members.len() as u64).map_err(failed)?;
        }
        let peer = PeerAddress::from(self.server);
        let association = transport.connect(clock::now(), &peer, PATIENCE).map_err(|error| self.unreachable(error))?;
        self.members.push(Member { transport, association, up: false, more: true, asked: VecDeque::new() });
        self.due = Time::ZERO;
        Ok(())
    }

    fn await_connects(&mut self) -> Result<(), Failure> {
        let mut nothing = Nothing;
        let mut nothing = Plan::of(&mut nothing);
        let mut measurement = Measurement::default();
        let end = clock::now() + PATIENCE;
        while self.members.iter().any(|member| !member.up) {
            if self.now >= end {
                return Err(self.unreachable("no answer in time"));
            }
            self.step(end, false, &mut nothing, &mut measurement)?;
        }
        Ok(())
    }

    fn unreachable(&self, why: impl std::fmt::Display) -> Failure {
        Failure::NoAnswer(format!("the server at {} cannot be reached: {why}", self.server))
    }

    /// Carries out a plan; ends when the time is over or the work is done, and all answers are there.
    pub fn run(&mut self, mut plan: Plan<'_>) -> Result<Measurement, Failure> {
        let mut measurement = Measurement::default();
        self.now = clock::now();
        let begin = self.now;
        let end = plan.time.map_or(Time::MAX, |time| begin + time);
        for number in plan.askers.clone() {
            self.ask(number, plan.window, &mut plan, &mut measurement)?;
        }
        let (mut answers, mut last_answer, mut attended) = (0, begin, begin);
        while measurement.asked > measurement.answers {
            if let Some(idle) = plan.idle.as_mut().filter(|_| self.now >= attended + ATTENDANCE) {
                attended = self.now;
                idle.attend()?;
            }
            self.step(last_answer + PATIENCE, self.now < end, &mut plan, &mut measurement)?;
            if measurement.answers > answers {
                (answers, last_answer) = (measurement.answers, self.now);
                plan.progress.at(self.now, answers);
            } else if self.now >= last_answer + PATIENCE {
                let missing = measurement.asked - measurement.answers;
                let seconds = PATIENCE.as_secs();
                let server = self.server;
                return Err(Failure::NoAnswer(format!("{server} left {missing} requests unanswered for {seconds} s")));
            }
        }
        measurement.elapsed = self.now.saturating_since(begin);
        Ok(measurement)
    }

    /// Takes what has arrived, without waiting, and answers what the server asks.
    fn attend(&mut self) -> Result<(), Failure> {
        self.step(Time::ZERO, false, &mut Plan::of(&mut Nothing), &mut Measurement::default())
    }

    /// Waits for something to happen, and takes it.
    fn step(&mut self, wake: Time, goes_on: bool, plan: &mut Plan<'_>, m: &mut Measurement) -> Result<(), Failure> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        self.poller.wait(self.now, Some(wake.min(self.due)), &mut ready).map_err(failed)?;
        self.now = clock::now();
        for &number in &ready {
            self.take(number as usize, goes_on, plan, m)?;
        }
        self.ready = ready;
        if self.now >= self.due {
            self.due = Time::MAX;
            for number in 0..self.members.len() {
                if self.members[number].deadline() <= self.now {
                    self.take(number, goes_on, plan, m)?;
                }
                self.due = self.due.min(self.members[number].deadline());
            }
        }
        Ok(())
    }

    /// Takes what has arrived for a member, and asks anew for each answer if it goes on.
    fn take(&mut self, number: usize, goes_on: bool, plan: &mut Plan<'_>, m: &mut Measurement) -> Result<(), Failure> {
        let now = self.now;
        let member = &mut self.members[number];
        let (mut answers, mut replies, mut gone) = (0, Vec::new(), None);
        let (asked, up) = (&mut member.asked, &mut member.up);
        member.more = member.transport.poll(now, &mut |event| match event {
            TransportEvent::Up { .. } => *up = true,
            TransportEvent::Message { payload, .. } => match judge(payload) {
                verdict @ (Verdict::Done | Verdict::Refused) => {
                    let Some(sent) = asked.pop_front() else { return };
                    answers += 1;
                    m.answers += 1;
                    m.refused += u64::from(matches!(verdict, Verdict::Refused));
                    m.bytes_answered += payload.len() as u64;
                    m.latency.record(now.saturating_since(sent));
                }
                Verdict::Asks(reply) => replies.push(reply),
                Verdict::Unknown => {}
            },
            TransportEvent::ConnectFailed { reason, .. } | TransportEvent::Lost { reason, .. } => gone = Some(reason),
            TransportEvent::Writable { .. } => {}
        });
        self.due = self.due.min(member.deadline());
        if let Some(reason) = gone {
            member.up = false;
            return Err(self.unreachable(reason));
        }
        for reply in replies {
            self.send(number, &reply)?;
        }
        if goes_on { self.ask(number, answers, plan, m) } else { Ok(()) }
    }

    /// Sends the next requests of a member, together where the transport can.
    fn ask(&mut self, number: usize, count: usize, plan: &mut Plan<'_>, m: &mut Measurement) -> Result<(), Failure> {
        if count > 1 {
            self.members[number].transport.hold();
        }
        for _ in 0..count {
            let Some(request) = plan.work.request(number - plan.askers.start) else { break };
            m.asked += 1;
            m.bytes_asked += request.len() as u64;
            self.send(number, request)?;
            self.members[number].asked.push_back(self.now);
        }
        if count > 1 {
            self.members[number].transport.release(self.now);
        }
        Ok(())
    }

    fn send(&mut self, number: usize, message: &[u8]) -> Result<(), Failure> {
        let member = &mut self.members[number];
        let sent = member.transport.send(self.now, member.association, OutboundMessage::control(PPID_ASAP, message));
        self.due = self.due.min(member.deadline());
        sent.map_err(|error| self.unreachable(error))
    }
}

impl Drop for Load {
    /// Leaves in order: an ABORT would look like a failure to whoever watches the server.
    fn drop(&mut self) {
        let now = clock::now();
        for member in &mut self.members {
            member.transport.shutdown(now, member.association);
        }
        let mut nothing = Nothing;
        let (mut nothing, mut measurement) = (Plan::of(&mut nothing), Measurement::default());
        while self.now < now + FAREWELL && self.members.iter().any(|member| member.up) {
            // Each association that ends is an error of the step.
            let _ = self.step(now + FAREWELL, false, &mut nothing, &mut measurement);
        }
    }
}

impl Plan<'_> {
    /// Nobody asks.
    fn of(work: &mut dyn Work) -> Plan<'_> {
        Plan { work, askers: 0..0, window: 0, time: None, progress: Progress::silent(), idle: None }
    }
}

/// The local address from which `server` is reached.
pub fn local_address(server: SocketAddr) -> Result<IpAddr, Failure> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let found = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(server)?;
        socket.local_addr()
    });
    found.map(|address| address.ip()).map_err(|error| Failure::NoAnswer(format!("no way to {server}: {error}")))
}

fn open(way: Way, local: IpAddr) -> Result<Box<dyn Transport>, Failure> {
    let bind = vec![SocketAddr::new(local, 0)];
    let config = EndpointConfig { bind, max_associations: 1, ..EndpointConfig::default() };
    let opened = match way {
        Way::Tcp => Tcp::open(&config).map(|tcp| Box::new(tcp) as Box<dyn Transport>),
        Way::Sctp(choice) => transport::open(choice, &config),
    };
    opened.map_err(|error| Failure::Failed(format!("cannot open an endpoint at {local}: {error}")))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}
