//! The library instance of a process: its I/O thread, endpoints and descriptors.

use super::asap::AsapDriver;
use super::commands::Command;
use super::cookies::CookieMaker;
use super::csp::{CspConfig, HomeBoard, Reporter};
use super::endpoint::Endpoint;
use super::endpoint_state::Ownership;
use super::io_handle::IoHandle;
use super::names::Names;
use super::ports::Ports;
use super::protection::Protection;
use super::registrar_endpoints::RegistrarEndpoints;
use super::socket::Registered;
use super::system;
use super::table::{DescriptorTable, Entry};
use crate::Time;
use crate::asap::{Request, ValidAsapConfig};
use crate::collections::SortedMap;
use crate::driver::address_changes::{AddressChange, AddressChanges};
use crate::driver::clock;
use crate::driver::place::HostName;
use crate::session::PoolUserConfig;
use crate::transport::{self, EndpointConfig, SctpParameters, Transport, TransportChoice, TransportError};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Endpoints of bound sockets; the lower numbers belong to the ASAP driver.
const FIRST_ENDPOINT_NUMBER: u16 = 16;
/// The key in the poller of what tells that this host's addresses change; the ASAP driver has smaller ones.
const ADDRESSES: u16 = 15;
/// How long `stop` waits for associations to close.
const STOP_LINGER: Duration = Duration::from_secs(1);

/// What an instance is made of.
pub struct InstanceConfig {
    /// The kernel's SCTP, SCTP in UDP, or the first that works.
    pub transport: TransportChoice,
    /// How registrars are talked to: in the clear, or under TLS.
    pub protection: Protection,
    /// Timers and thresholds of associations, where a socket has none of its own.
    pub sctp: SctpParameters,
    /// Settings of sessions, where a socket has none of its own.
    pub session: PoolUserConfig,
    /// The client core.
    pub asap: ValidAsapConfig,
    /// Registrars that are known by name, as many as the core's settings say.
    pub registrar_names: Vec<HostName>,
    /// Multicast groups on which registrars announce themselves.
    pub announcement_groups: Vec<SocketAddr>,
    /// Seed of the client core.
    pub seed: u64,
    /// Looks after the cookies of servers, where the environment has keys.
    pub cookies: Option<Arc<dyn CookieMaker>>,
    /// Status reports, where wanted.
    pub csp: Option<CspConfig>,
}

/// The running library.
pub struct Instance {
    /// All descriptors.
    pub descriptors: Arc<DescriptorTable>,
    /// What asks the I/O thread for something.
    pub io: Arc<IoHandle>,
    transport: TransportChoice,
    protection: Protection,
    sctp: SctpParameters,
    session: PoolUserConfig,
    cookies: Option<Arc<dyn CookieMaker>>,
    endpoints: Mutex<SortedMap<u16, Arc<Endpoint>>>,
    /// The endpoint of all pool users that are not bound.
    shared: Mutex<Option<Arc<Endpoint>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    reporter: Mutex<Option<Reporter>>,
    /// The registrar in use, for reports.
    home: Arc<HomeBoard>,
}

impl Instance {
    /// Starts the I/O thread.
    pub fn start(config: InstanceConfig) -> std::io::Result<Arc<Instance>> {
        let io = IoHandle::new(config.asap.settings().max_request_time)?;
        let instance = Arc::new(Instance {
            descriptors: Arc::default(),
            io: Arc::clone(&io),
            transport: config.transport,
            protection: config.protection.clone(),
            sctp: config.sctp,
            session: config.session.clone(),
            cookies: config.cookies.clone(),
            endpoints: Mutex::default(),
            shared: Mutex::new(None),
            thread: Mutex::new(None),
            reporter: Mutex::new(None),
            home: Arc::default(),
        });
        if let Some(csp) = &config.csp {
            *instance.reporter.lock() = Some(Reporter::start(csp.clone(), &instance.descriptors, &instance.home)?);
        }
        let for_thread = Arc::clone(&instance);
        let main = move || {
            if catch_unwind(AssertUnwindSafe(|| for_thread.serve(config))).is_err() {
                for_thread.io.note_panic();
                for_thread.fail_descriptors();
            }
            for_thread.io.close_commands();
        };
        let thread = system::spawn("rserpool-io", Box::new(main))?;
        *instance.thread.lock() = Some(thread);
        Ok(instance)
    }

    /// Whether registrars can let this process in as a pool element: in the clear, or with something to show.
    pub fn lets_register(&self) -> bool {
        self.protection.lets_register()
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
                Entry::Subscription(subscription) => subscription.fail(libc::ECANCELED),
                Entry::Mapped(_) => {}
            }
        }
        for entry in entries {
            match entry {
                Entry::Socket(socket) => {
                    if let Some(registered) = socket.close(libc::ECANCELED) {
                        let Registered { pool_handle, pool_element_id, .. } = registered;
                        self.io.request_in_background(Request::Deregister { pool_handle, pool_element_id });
                    }
                }
                Entry::Subscription(subscription) => subscription.close(libc::ECANCELED),
                Entry::Mapped(_) => {}
            }
        }
        self.io.command(Command::Stop);
        if let Some(thread) = self.thread.lock().take() {
            if thread.join().is_err() {
                log::error!("the I/O thread had panicked: associations were not closed in order");
            }
        }
        for (_, endpoint) in std::mem::take(&mut *self.endpoints.lock()) {
            endpoint.clear();
        }
    }

    /// A thread that received panicked: nothing works any more until the library is started again.
    pub fn has_failed(&self) -> bool {
        self.io.has_panicked()
    }

    /// Lets nobody wait for a thread that is gone.
    fn fail_descriptors(&self) {
        for entry in self.descriptors.all() {
            match entry {
                Entry::Socket(socket) => socket.fail(libc::ENOTRECOVERABLE),
                Entry::Subscription(subscription) => subscription.fail(libc::ENOTRECOVERABLE),
                Entry::Mapped(_) => {}
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

    /// Looks after the cookies of servers, where the environment has keys.
    pub fn cookies(&self) -> Option<Arc<dyn CookieMaker>> {
        self.cookies.clone()
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
        let endpoint = self.add_endpoint(parameters, Ownership::AllPoolUsers, |_| Ok(Box::new(ports)))?;
        *shared = Some(Arc::clone(&endpoint));
        Ok(endpoint)
    }

    /// An endpoint of its own for one socket.
    pub fn open_endpoint(&self, mut config: EndpointConfig) -> Result<Arc<Endpoint>, TransportError> {
        self.add_endpoint(config.parameters, Ownership::OneSocket, |number| {
            config.transport_number = number;
            transport::open(self.transport, &config)
        })
    }

    fn add_endpoint(
        &self,
        parameters: SctpParameters,
        ownership: Ownership,
        open: impl FnOnce(u16) -> Result<Box<dyn Transport>, TransportError>,
    ) -> Result<Arc<Endpoint>, TransportError> {
        let mut endpoints = self.endpoints.lock();
        let free = (FIRST_ENDPOINT_NUMBER..u16::MAX).find(|number| !endpoints.contains_key(number));
        let Some(number) = free else { return Err(std::io::Error::from_raw_os_error(libc::ENOBUFS).into()) };
        let endpoint = Arc::new(Endpoint::new(number, open(number)?, parameters, ownership, Arc::clone(&self.io)));
        if let Some(fd) = endpoint.poll_fd() {
            self.io.poller().add(fd, u64::from(number))?;
        }
        endpoints.insert(number, Arc::clone(&endpoint));
        drop(endpoints);
        self.io.wake_before(Time::ZERO);
        Ok(endpoint)
    }

    /// The calling thread is about to wait for descriptors: nobody may sit on what could make them ready.
    pub fn end_turns(&self) {
        self.endpoints.lock().values().for_each(|endpoint| endpoint.end_turn());
    }

    /// What the I/O thread does.
    fn serve(&self, config: InstanceConfig) {
        let io = || Arc::clone(&self.io);
        let names = Names::new(config.registrar_names, config.protection.clone(), io());
        let groups = &config.announcement_groups;
        let endpoints = RegistrarEndpoints::new(io(), self.transport, config.protection, self.sctp, groups);
        let descriptors = Arc::clone(&self.descriptors);
        self.run(AsapDriver::new(config.asap, config.seed, endpoints, names, descriptors, clock::now()));
    }

    fn run(&self, mut asap: AsapDriver) {
        let mut ready = Vec::new();
        let mut stop_by = None;
        let reports = self.reporter.lock().is_some();
        let mut addresses = AddressChanges::watch(self.io.poller(), u64::from(ADDRESSES));
        loop {
            for command in self.io.take_commands() {
                if matches!(command, Command::Stop) {
                    stop_by.get_or_insert(clock::now() + STOP_LINGER);
                }
                asap.command(clock::now(), command);
            }
            let now = clock::now();
            self.follow_addresses(now, &mut addresses, &mut asap, &ready);
            let mut again = asap.run(now, &ready);
            if reports {
                self.home.note(asap.home(), clock::now());
            }
            again |= self.run_endpoints(&ready);
            if self.io.has_panicked() {
                self.fail_descriptors();
            }
            ready.clear();
            if stop_by.is_some_and(|by| (asap.is_finished() && self.all_closed()) || clock::now() >= by) {
                return;
            }
            let deadline = [asap.next_deadline(), addresses.next_deadline(), stop_by]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(Time::MAX);
            // Where more is waiting, this only looks which descriptors are ready: what is waiting makes its descriptor readable.
            self.io.sleep(if again { Time::ZERO } else { deadline }, || self.next_deadline(), &mut ready);
        }
    }

    /// When this host's addresses have changed, sessions and registrations that are of the old ones see at once that they are.
    fn follow_addresses(&self, now: Time, addresses: &mut AddressChanges, asap: &mut AsapDriver, ready: &[u64]) {
        let Some(change) = addresses.take(now, ready) else { return };
        asap.addresses_changed(now, change);
        if change == AddressChange::Lost {
            let endpoints: Vec<Arc<Endpoint>> = self.endpoints.lock().values().cloned().collect();
            endpoints.iter().for_each(|endpoint| endpoint.with(|state| state.probe_all(now)));
        }
    }

    /// Runs what is ready or due; true when something has more to do at once.
    fn run_endpoints(&self, ready: &[u64]) -> bool {
        let endpoints: Vec<Arc<Endpoint>> = self.endpoints.lock().values().cloned().collect();
        let now = clock::now();
        let mut again = false;
        for endpoint in endpoints {
            endpoint.end_turn_if_over(now);
            if endpoint.deadline() <= now || ready.contains(&u64::from(endpoint.number)) {
                again |= endpoint.run(now);
                self.retire_if_unused(&endpoint);
            }
        }
        again
    }

    /// An endpoint whose socket is closed goes with its last association.
    fn retire_if_unused(&self, endpoint: &Arc<Endpoint>) {
        let mut endpoints = self.endpoints.lock();
        if !endpoint.is_finished() {
            return;
        }
        if let Some(fd) = endpoint.poll_fd() {
            if let Err(error) = self.io.poller().remove(fd) {
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
}
