//! A running registrar: one thread around the registrar core.
//!
//! The thread waits for its endpoints (ASAP over SCTP, ASAP over TCP under the same port number, ENRP over SCTP), the ENRP
//! group, a stop, and the core's deadline; then polls in turn those that have something to do, each for a bounded amount of
//! work, and does what the core wants done.

mod backlog;
mod control;
mod descriptors;
mod dns;
mod endpoint;
mod endpoints;
mod histogram;
mod metrics;
mod opening;
mod reports;
mod settings;
mod signals;
mod state;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod witness;
mod worker;

pub use control::{RegistrarControl, RegistrarWindow, ReloadError};
#[cfg(feature = "bridges")]
pub(crate) use descriptors::pairs;
pub use descriptors::raise_descriptor_limit;
pub use dns::PeerNames;
pub use histogram::Histogram;
pub use metrics::{RegistrarMetrics, TransportMetrics};
pub use settings::{Profile, RegistrarSettings, SettingsError};
pub use signals::{HangupSignal, StopSignals};
pub use witness::Witness;

use crate::RegistrarId;
use crate::association::TransportKind;
use crate::driver::poller::Waker;
use crate::registrar::{ConfigError, Registrar, ValidatedConfig};
use endpoints::{Endpoints, listed};
use reports::Reports;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use worker::{Shared, Worker};

/// Why a registrar could not start: what it wanted to open, and what the system said.
#[derive(Debug)]
pub struct StartError {
    /// The endpoint or resource, e.g. `"ASAP endpoint [::]:3863"`.
    pub what: String,
    /// What was in the way, for logs and errors.
    pub why: String,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot open {}: {}", self.what, self.why)
    }
}

impl std::error::Error for StartError {}

/// Where a running registrar can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrarAddresses {
    /// Identifier, unique in the operational scope.
    pub id: RegistrarId,
    /// ASAP, by SCTP and by TCP: the first of its addresses.
    pub asap: SocketAddr,
    /// ENRP, by SCTP: the first of its addresses.
    pub enrp: SocketAddr,
    /// Kernel SCTP, SCTP in UDP, TCP or memory.
    pub kind: TransportKind,
}

/// A registrar with open endpoints that does not serve yet.
pub struct RegistrarServer {
    worker: Worker<Registrar>,
    settings: RegistrarSettings,
    addresses: RegistrarAddresses,
}

impl RegistrarServer {
    /// Opens the endpoints: from now on, peers can connect, and are served as soon as [`RegistrarServer::run`] runs.
    pub fn open(mut settings: RegistrarSettings) -> Result<RegistrarServer, StartError> {
        settings.fit_this_host();
        let system = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| StartError { what, why: error.to_string() }
        };
        let refused = |why: SettingsError| StartError {
            what: "a registrar with these settings".to_owned(),
            why: why.to_string(),
        };
        settings.validate().map_err(refused)?;
        let endpoints = Endpoints::open(&settings)?;
        let config = core_config(&settings, &endpoints).map_err(|why| refused(why.into()))?;
        let (asap, enrp, kind) = (endpoints.asap[0], endpoints.enrp[0], endpoints.kind());
        let seed = random_seed().map_err(system("the random number source"))?;
        let core = Registrar::new(config, seed, crate::driver::clock::now());
        let id = core.id();
        let (asap_list, enrp_list) = (listed(&endpoints.asap), listed(&endpoints.enrp));
        log::info!(
            "registrar {id} listens for ASAP at {asap_list} and ENRP at {enrp_list}, over {kind}; ASAP also over TCP"
        );
        let mut worker = Worker::new(core, endpoints, settings.stop_timeout).map_err(system("an epoll descriptor"))?;
        if let Some(monitor) = settings.csp_server {
            let reports = Reports::start(monitor, settings.csp_interval, id, asap);
            worker.report(reports.map_err(system("a socket for status reports"))?);
        }
        worker.find_peers(&settings.peer_names).map_err(system("a thread for DNS look-ups"))?;
        Ok(RegistrarServer { worker, settings, addresses: RegistrarAddresses { id, asap, enrp, kind } })
    }

    /// Where it can be reached.
    pub fn addresses(&self) -> RegistrarAddresses {
        self.addresses
    }

    /// Stops in order at the first of these signals, at once at the second.
    pub fn stop_on(&mut self, signals: StopSignals) -> io::Result<()> {
        self.worker.stop_on(signals)
    }

    /// Tells `witness` how it fares, from now on.
    pub fn tell(&mut self, witness: Box<dyn Witness>) {
        self.worker.tell(witness);
    }

    /// By which it can be given other settings, and looked into, while it runs. A second one takes the place of the first.
    pub fn control(&mut self) -> RegistrarControl {
        let (control, requests) = RegistrarControl::new(self.settings.clone(), self.worker.shared().1);
        self.worker.take_requests_from(requests);
        control
    }

    /// Serves until a signal stops it.
    ///
    /// [`io::ErrorKind::AlreadyExists`]: another registrar has its identifier, and it gave way before it served anybody.
    pub fn run(self) -> io::Result<()> {
        self.worker.run()
    }
}

/// A registrar that serves in a thread of its own until it is stopped or dropped.
///
/// ```
/// use rserpool::driver::registrar::{RegistrarHandle, RegistrarSettings};
/// let registrar = RegistrarHandle::start(RegistrarSettings::loopback())?;
/// println!("pool users may connect to {}", registrar.addresses().asap);
/// registrar.stop();
/// # Ok::<(), rserpool::driver::registrar::StartError>(())
/// ```
pub struct RegistrarHandle {
    addresses: RegistrarAddresses,
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl RegistrarHandle {
    /// Opens the endpoints and starts the thread.
    pub fn start(settings: RegistrarSettings) -> Result<RegistrarHandle, StartError> {
        let server = RegistrarServer::open(settings)?;
        let addresses = server.addresses();
        let (shared, waker) = server.worker.shared();
        let thread = std::thread::Builder::new()
            .name("registrar".to_owned())
            .spawn(move || server.run())
            .map_err(|error| StartError { what: "a thread for the registrar".to_owned(), why: error.to_string() })?;
        Ok(RegistrarHandle { addresses, shared, waker, thread: Some(thread) })
    }

    /// Where it can be reached.
    pub fn addresses(&self) -> RegistrarAddresses {
        self.addresses
    }

    /// What it has done so far.
    pub fn metrics(&self) -> RegistrarMetrics {
        *self.shared.metrics.lock()
    }

    /// Stops it in order, in bounded time, as SIGTERM stops the program.
    pub fn stop(self) {
        drop(self);
    }

    /// Ends it at once, its associations aborted: as near to a crash as a thread can come.
    pub fn kill(self) {
        self.shared.kill.store(true, Ordering::Release);
        drop(self);
    }
}

impl Drop for RegistrarHandle {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.waker.wake();
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            log::error!("the registrar thread ended early, so nobody was served any more: {error}");
        }
    }
}

/// The settings of the core as its endpoints and this host have them.
fn core_config(settings: &RegistrarSettings, endpoints: &Endpoints) -> Result<ValidatedConfig, ConfigError> {
    let mut config = settings.core.clone();
    // A keep-alive that got lost is sent again after RTO.Min at the earliest, and its answer takes some time.
    let once_more = settings.sctp.rto_min * 3 / 2;
    config.hurried_keep_alive_timeout = config.hurried_keep_alive_timeout.max(once_more);
    endpoints.describe(settings, &mut config);
    config.max_tcp_connections = descriptors::tcp_connections(config.max_tcp_connections);
    config.validated()
}

fn random_seed() -> io::Result<u64> {
    let mut seed = [0u8; 8];
    // SAFETY: `seed` has room for its length.
    let count = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
    if count == seed.len() as isize { Ok(u64::from_ne_bytes(seed)) } else { Err(io::Error::last_os_error()) }
}
