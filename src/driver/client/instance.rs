//! The library instance of a process: its I/O thread, endpoints and descriptors.

use super::asap::AsapDriver;
use super::bell::{NoResult, Promise, Promised, promise};
use super::csp::{CspConfig, Home, Reporter};
use super::endpoint::Endpoint;
use super::ports::Ports;
use super::socket::Socket;
use super::subscription::Subscription;
use super::system;
use super::table::{DescriptorTable, Entry};
use crate::asap::{AsapConfig, Outcome, Request, RequestError, RequestId};
use crate::collections::SortedMap;
use crate::driver::clock;
use crate::driver::poller::{Poller, Waker};
use crate::session::{Attempt, PoolUserConfig};
use crate::transport::{self, EndpointConfig, SctpParameters, Transport, TransportChoice, TransportError};
use crate::{PoolElementId, PoolHandle, RegistrarId, Time};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Endpoints of bound sockets; the lower numbers belong to the ASAP driver.
const FIRST_ENDPOINT_NUMBER: u16 = 16;
/// A request that has no answer by now never will have one: the core's own limit is far below.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);
/// While messages flow, the I/O thread looks at its timers this often, so that the retransmission timer that each send starts
/// need not wake it.
const BUSY_PERIOD: Duration = Duration::from_millis(50);
/// How long `stop` waits for associations to close.
const STOP_LINGER: Duration = Duration::from_secs(1);

/// What an instance is made of.
pub struct InstanceConfig {
    /// Which SCTP.
    pub transport: TransportChoice,
    /// Timers and thresholds of associations, where a socket has none of its own.
    pub sctp: SctpParameters,
    /// Settings of sessions, where a socket has none of its own.
    pub session: PoolUserConfig,
    /// The client core.
    pub asap: AsapConfig,
    /// Multicast groups on which registrars announce themselves.
    pub announcement_groups: Vec<SocketAddr>,
    /// Seed of the client core.
    pub seed: u64,
    /// Status reports, where wanted.
    pub csp: Option<CspConfig>,
}

/// The running library.
pub struct Instance {
    /// All descriptors.
    pub descriptors: DescriptorTable,
    transport: TransportChoice,
    sctp: SctpParameters,
    session: PoolUserConfig,
    poller: Poller,
    waker: Waker,
    /// Until when the I/O thread sleeps, in nanoseconds; zero while it runs.
    sleeps_until: AtomicU64,
    /// Counts messages, roughly: shows the I/O thread whether anything flows.
    activity: AtomicU64,
    commands: Mutex<Commands>,
    last_request: AtomicU64,
    endpoints: Mutex<SortedMap<u16, Arc<Endpoint>>>,
    /// The endpoint of all pool users that are not bound.
    shared: Mutex<Option<Arc<Endpoint>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    reporter: Mutex<Option<Reporter>>,
    /// The registrar in use, for reports.
    home: Mutex<Option<Home>>,
    /// The I/O thread panicked: nothing works any more until the library is started again.
    failed: AtomicBool,
}

/// What waits for the I/O thread. Bounded by who asks: a waiting thread and a session each have one request at a time.
#[derive(Default)]
struct Commands {
    queue: VecDeque<Command>,
    /// The I/O thread has ended.
    closed: bool,
}

/// What the I/O thread is asked for.
pub(super) enum Command {
    Request {
        id: RequestId,
        request: Request,
        reply: Reply,
    },
    Register {
        id: RequestId,
        registration: Registration,
        reply: Reply,
    },
    Cancel(RequestId),
    /// A session wants to know who is taken out of its pool.
    Watch(PoolHandle),
    Subscribe {
        id: RequestId,
        watch: Arc<Subscription>,
        reply: Reply,
    },
    Unsubscribe(Arc<Subscription>),
    Stop,
}

/// A registration whose addresses depend on how the registrar is reached.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The pool.
    pub pool_handle: PoolHandle,
    /// The element, its transport still without addresses where the socket is bound to the wildcard address.
    pub pool_element: crate::wire::PoolElement,
    /// T4-reregistration.
    pub reregistration_interval: Duration,
}

/// Who waits for the answer of a request.
pub enum Reply {
    /// A session that resolves.
    Session {
        /// Its socket.
        socket: Arc<Socket>,
        /// Which resolution.
        attempt: Attempt,
    },
    /// A thread.
    Waiter(Promise<Result<Outcome, RequestError>>),
    /// Nobody.
    Nobody,
}

/// Why a thread that waited for the answer of a request has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// The request failed.
    Failed(RequestError),
    /// A signal handler ran meanwhile. An element stays to be registered, or de-registered.
    Interrupted,
}

impl std::fmt::Display for NotDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotDone::Failed(error) => error.fmt(f),
            NotDone::Interrupted => f.write_str("a signal came while waiting for the answer"),
        }
    }
}

impl Instance {
    /// Starts the I/O thread.
    pub fn start(config: InstanceConfig) -> std::io::Result<Arc<Instance>> {
        let poller = Poller::new()?;
        let instance = Arc::new(Instance {
            descriptors: DescriptorTable::default(),
            transport: config.transport,
            sctp: config.sctp,
            session: config.session.clone(),
            waker: poller.waker(),
            poller,
            sleeps_until: AtomicU64::new(0),
            activity: AtomicU64::new(0),
            commands: Mutex::default(),
            last_request: AtomicU64::new(0),
            endpoints: Mutex::default(),
            shared: Mutex::new(None),
            thread: Mutex::new(None),
            reporter: Mutex::new(None),
            home: Mutex::new(None),
            failed: AtomicBool::new(false),
        });
        if let Some(csp) = &config.csp {
            *instance.reporter.lock() = Some(Reporter::start(csp.clone(), &instance)?);
        }
        let for_thread = Arc::clone(&instance);
        let main = move || {
            let run = || for_thread.run(AsapDriver::new(&for_thread, config, clock::now()));
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                for_thread.fail();
            }
            for_thread.close_commands();
        };
        let thread = system::without_signals(|| std::thread::Builder::new().name("rserpool-io".into()).spawn(main))?;
        *instance.thread.lock() = Some(thread);
        Ok(instance)
    }

    /// Closes every socket, leaves the pools, ends the thread. Calls that are blocked fail with `ECANCELED`.
    pub fn stop(&self) {
        if let Some(reporter) = self.reporter.lock().take() {
            reporter.stop();
        }
        let entries = self.descriptors.take_all();
        // First of all nobody may see the others go: one's server is another one's pool element.
        for entry in &entries {
            match entry {
                Entry::Socket(socket) => socket.fail(libc::ECANCELED),
                Entry::Subscription(watch) => watch.fail(libc::ECANCELED),
                Entry::Mapped(_) => {}
            }
        }
        for entry in entries {
            match entry {
                Entry::Socket(socket) => {
                    if let Some(registered) = socket.close(self, libc::ECANCELED) {
                        self.deregister(registered.pool_handle, registered.pool_element_id, Reply::Nobody);
                    }
                }
                Entry::Subscription(watch) => watch.close(libc::ECANCELED),
                Entry::Mapped(_) => {}
            }
        }
        self.command(Command::Stop);
        if let Some(thread) = self.thread.lock().take() {
            if thread.join().is_err() {
                log::error!("the I/O thread had panicked: associations were not closed in order");
            }
        }
        for (_, endpoint) in std::mem::take(&mut *self.endpoints.lock()) {
            endpoint.clear();
        }
    }

    /// The registrar in use.
    pub(super) fn home(&self) -> Option<Home> {
        *self.home.lock()
    }

    /// Another registrar is in use from now on, or none.
    fn note_home(&self, current: Option<Option<RegistrarId>>, now: Time) {
        let mut home = self.home.lock();
        // It may tell its identifier later.
        let is_same = |home: &Home, id| home.id.is_none() || home.id == id;
        *home = current.map(|id| {
            let since = home.filter(|home| is_same(home, id)).map_or(now, |home| home.since);
            Home { id, since }
        });
    }

    /// The I/O thread panicked.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Lets nobody wait for a thread that is gone.
    pub(super) fn fail(&self) {
        log::error!("receiving panicked: every call fails until the library is cleaned up and initialised again");
        self.failed.store(true, Ordering::SeqCst);
        for entry in self.descriptors.all() {
            match entry {
                Entry::Socket(socket) => socket.fail(libc::ENOTRECOVERABLE),
                Entry::Subscription(watch) => watch.fail(libc::ENOTRECOVERABLE),
                Entry::Mapped(_) => {}
            }
        }
    }

    /// The I/O thread has ended: with the commands go the channels on which their senders wait.
    fn close_commands(&self) {
        let mut commands = self.commands.lock();
        commands.closed = true;
        commands.queue.clear();
    }

    fn command(&self, command: Command) {
        let mut commands = self.commands.lock();
        if commands.closed {
            return;
        }
        commands.queue.push_back(command);
        drop(commands);
        self.wake_before(Time::ZERO);
    }

    /// Sees to it that the I/O thread does not sleep beyond `deadline`.
    pub(super) fn wake_before(&self, deadline: Time) {
        self.activity.fetch_add(1, Ordering::Relaxed);
        // The thread publishes its sleep, then looks for work once more; we publish work, then look at its sleep: one of us
        // sees the other.
        if deadline.as_nanos() < self.sleeps_until.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    fn next_request(&self) -> RequestId {
        RequestId(self.last_request.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Gives the client core a request.
    pub(super) fn submit(&self, request: Request, reply: Reply) -> RequestId {
        let id = self.next_request();
        self.command(Command::Request { id, request, reply });
        id
    }

    /// Gives the client core a request and waits for the answer.
    pub fn request(&self, request: Request) -> Result<Outcome, NotDone> {
        let (reply, answer) = promise();
        let id = self.submit(request, Reply::Waiter(reply));
        self.wait(id, &answer)
    }

    /// Lets sessions know who is taken out of a pool.
    pub(super) fn watch(&self, pool_handle: PoolHandle) {
        self.command(Command::Watch(pool_handle));
    }

    /// Gives the client core a request whose answer nobody waits for.
    pub fn request_in_background(&self, request: Request) {
        self.submit(request, Reply::Nobody);
    }

    /// Registers an element of an RSerPool socket, and waits for the answer unless told not to.
    pub fn register(&self, registration: Registration, wait: bool) -> Result<Outcome, NotDone> {
        let id = self.next_request();
        if !wait {
            self.command(Command::Register { id, registration, reply: Reply::Nobody });
            return Ok(Outcome::Registered);
        }
        let (reply, answer) = promise();
        self.command(Command::Register { id, registration, reply: Reply::Waiter(reply) });
        self.wait(id, &answer)
    }

    /// Subscribes to the pool of `watch`, which is told of it from now on.
    pub fn subscribe(&self, watch: &Arc<Subscription>) -> Result<(), NotDone> {
        let (reply, answer) = promise();
        let id = self.next_request();
        self.command(Command::Subscribe { id, watch: Arc::clone(watch), reply: Reply::Waiter(reply) });
        self.wait(id, &answer).map(drop)
    }

    /// Ends that.
    pub fn unsubscribe(&self, watch: &Arc<Subscription>) {
        self.command(Command::Unsubscribe(Arc::clone(watch)));
    }

    fn deregister(&self, pool_handle: PoolHandle, pool_element_id: PoolElementId, reply: Reply) {
        self.submit(Request::Deregister { pool_handle, pool_element_id }, reply);
    }

    fn wait(&self, id: RequestId, answer: &Promised<Result<Outcome, RequestError>>) -> Result<Outcome, NotDone> {
        match answer.wait(clock::now() + REQUEST_DEADLINE) {
            Ok(result) => result.map_err(NotDone::Failed),
            // The I/O thread dropped the request: it has ended.
            Err(NoResult::Broken) => Err(NotDone::Failed(RequestError::Cancelled)),
            Err(NoResult::TimedOut) => {
                self.command(Command::Cancel(id));
                Err(NotDone::Failed(RequestError::NoResponse { attempts: 0, waited: REQUEST_DEADLINE }))
            }
            Err(NoResult::Interrupted) => {
                self.command(Command::Cancel(id));
                Err(NotDone::Interrupted)
            }
        }
    }

    /// Timers and thresholds of associations, where a socket has none of its own.
    pub fn sctp_parameters(&self) -> SctpParameters {
        self.sctp
    }

    /// Settings of sessions, where a socket has none of its own.
    pub fn session_config(&self) -> PoolUserConfig {
        self.session.clone()
    }

    /// The endpoint of all pool users that are not bound.
    pub fn shared_endpoint(&self) -> Result<Arc<Endpoint>, TransportError> {
        let mut shared = self.shared.lock();
        if let Some(endpoint) = &*shared {
            return Ok(Arc::clone(endpoint));
        }
        let parameters = self.sctp;
        let config = EndpointConfig { parameters, ..EndpointConfig::default() };
        let choice = self.transport;
        let ports = Ports::open(config, Box::new(move |config| transport::open(choice, config)))?;
        let endpoint = self.add_endpoint(parameters, |_| Ok(Box::new(ports)))?;
        *shared = Some(Arc::clone(&endpoint));
        Ok(endpoint)
    }

    /// An endpoint of its own for one socket.
    pub fn open_endpoint(&self, mut config: EndpointConfig) -> Result<Arc<Endpoint>, TransportError> {
        self.add_endpoint(config.parameters, |number| {
            config.transport_number = number;
            transport::open(self.transport, &config)
        })
    }

    fn add_endpoint(
        &self,
        parameters: SctpParameters,
        open: impl FnOnce(u16) -> Result<Box<dyn Transport>, TransportError>,
    ) -> Result<Arc<Endpoint>, TransportError> {
        let mut endpoints = self.endpoints.lock();
        let free = (FIRST_ENDPOINT_NUMBER..u16::MAX).find(|number| !endpoints.contains_key(number));
        let Some(number) = free else { return Err(std::io::Error::from_raw_os_error(libc::ENOBUFS).into()) };
        let endpoint = Arc::new(Endpoint::new(number, open(number)?, parameters));
        if let Some(fd) = endpoint.poll_fd() {
            self.poller.add(fd, u64::from(number))?;
        }
        endpoints.insert(number, Arc::clone(&endpoint));
        drop(endpoints);
        self.wake_before(Time::ZERO);
        Ok(endpoint)
    }

    /// The calling thread is about to wait for descriptors: nobody may sit on what could make them ready.
    pub fn end_turns(&self) {
        self.endpoints.lock().values().for_each(|endpoint| endpoint.end_turn(self));
    }

    /// The poller of the I/O thread.
    pub(super) fn poller(&self) -> &Poller {
        &self.poller
    }

    fn run(&self, mut asap: AsapDriver) {
        let mut ready = Vec::new();
        let mut stop_by = None;
        let reports = self.reporter.lock().is_some();
        loop {
            let commands = std::mem::take(&mut self.commands.lock().queue);
            for command in commands {
                if matches!(command, Command::Stop) {
                    stop_by.get_or_insert(clock::now() + STOP_LINGER);
                }
                asap.command(self, clock::now(), command);
            }
            let mut again = asap.run(self, clock::now(), &ready);
            if reports {
                self.note_home(asap.home(), clock::now());
            }
            again |= self.run_endpoints(&ready);
            ready.clear();
            if stop_by.is_some_and(|by| (asap.is_finished() && self.all_closed()) || clock::now() >= by) {
                return;
            }
            let deadline = [asap.next_deadline(), stop_by].into_iter().flatten().min().unwrap_or(Time::MAX);
            // Where more is waiting, only a look at who is ready: what is waiting makes its descriptor readable.
            self.sleep(if again { Time::ZERO } else { deadline }, &mut ready);
        }
    }

    /// Runs what is ready or due; true when something has more to do at once.
    fn run_endpoints(&self, ready: &[u64]) -> bool {
        let endpoints: Vec<Arc<Endpoint>> = self.endpoints.lock().values().cloned().collect();
        let now = clock::now();
        let mut again = false;
        for endpoint in endpoints {
            endpoint.end_turn_if_over(self, now);
            if endpoint.deadline() <= now || ready.contains(&u64::from(endpoint.number)) {
                again |= endpoint.run(self, now);
                self.retire_if_unused(&endpoint);
            }
        }
        again
    }

    /// Whether this is the endpoint of pool users that are not bound, which stays.
    pub(super) fn is_shared(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.shared.lock().as_ref().is_some_and(|shared| Arc::ptr_eq(shared, endpoint))
    }

    /// An endpoint whose socket is closed goes with its last association.
    fn retire_if_unused(&self, endpoint: &Arc<Endpoint>) {
        let mut endpoints = self.endpoints.lock();
        if !endpoint.is_finished() {
            return;
        }
        if let Some(fd) = endpoint.poll_fd() {
            if let Err(error) = self.poller.remove(fd) {
                log::warn!("endpoint {} cannot be taken from the poller: {error}", endpoint.number);
            }
        }
        endpoints.remove(&endpoint.number);
    }

    fn all_closed(&self) -> bool {
        self.endpoints.lock().values().all(|endpoint| endpoint.is_idle())
    }

    fn next_deadline(&self) -> Time {
        self.endpoints
            .lock()
            .values()
            .map(|endpoint| endpoint.deadline().min(endpoint.turn_ends_at()))
            .min()
            .unwrap_or(Time::MAX)
    }

    fn sleep(&self, deadline: Time, ready: &mut Vec<u64>) {
        let now = clock::now();
        let busy = self.activity.swap(0, Ordering::Relaxed) > 0;
        let limit = if busy { now + BUSY_PERIOD } else { Time::MAX };
        let until = deadline.min(limit).min(self.next_deadline());
        self.sleeps_until.store(until.as_nanos(), Ordering::SeqCst);
        let work_came = !self.commands.lock().queue.is_empty() || self.next_deadline() < until;
        if until > now && !work_came {
            let wait_until = (until != Time::MAX).then_some(until);
            if let Err(error) = self.poller.wait(now, wait_until, ready) {
                log::error!("waiting for descriptors failed: {error}");
            }
        } else if let Err(error) = self.poller.wait(now, Some(now), ready) {
            log::error!("looking at descriptors failed: {error}");
        }
        self.sleeps_until.store(0, Ordering::SeqCst);
    }
}
