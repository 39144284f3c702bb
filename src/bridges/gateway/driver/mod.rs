//! The threads of a gateway: workers that carry connections, and one that listens to a registrar. The caller's waits for signals.

mod connection;
mod idle;
mod listener;
mod shared;
mod slots;
mod sockets;
mod stream;
mod watcher;
mod worker;

use super::core::{Carried, Gateway as Core, GatewayConfig, Sticky};
use crate::driver::clock;
use crate::driver::poller::Poller;
use crate::driver::registrar::pairs;
use crate::{PoolHandle, Time};
use listener::Listener;
use shared::{MAX_WORKERS, Mailbox, Shared};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use watcher::Watcher;
use worker::Worker;

/// How often the counters are written to the log, when they have changed.
const COUNTERS_INTERVAL: Duration = Duration::from_secs(60);
/// Between two looks at whether the last clients have gone.
const LEAVING_LOOK: Duration = Duration::from_millis(20);

/// Whether servers are told who their clients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// They are not: for them, the gateway is the client.
    Off,
    /// By the PROXY protocol, version 2.
    Version2,
}

/// What a gateway is to do.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Where clients come to.
    pub listen: SocketAddr,
    /// Whose elements serve them.
    pub pool: PoolHandle,
    /// How clients are kept together.
    pub sticky: Sticky,
    /// Whether servers are told who their clients are.
    pub proxy_protocol: ProxyProtocol,
    /// Clients at a time: in all, of one address, with one element.
    pub max_connections: usize,
    /// See `max_connections`.
    pub max_per_client: usize,
    /// See `max_connections`.
    pub max_per_element: usize,
    /// How long an element has to take a connection before the next one is tried beside it.
    pub head_start: Duration,
    /// How long a client waits for an element.
    pub patience: Duration,
    /// How long elements are used that a registrar which has just begun does not list.
    pub grace: Duration,
    /// After how long without a byte a connection is closed.
    pub idle: Duration,
    /// How long clients may stay when the gateway has been told to stop.
    pub drain: Duration,
    /// Threads that carry.
    pub threads: usize,
}

impl GatewaySettings {
    fn core(&self) -> GatewayConfig {
        GatewayConfig {
            pool: self.pool.to_string(),
            carried: Carried::Connections,
            sticky: self.sticky,
            // A client takes two descriptors: its own, and that to its element.
            max_sessions: pairs(self.max_connections),
            max_per_client: self.max_per_client,
            max_per_element: self.max_per_element,
            head_start: self.head_start,
            patience: self.patience,
            grace: self.grace,
        }
    }
}

/// A running gateway.
pub struct Gateway {
    settings: Arc<GatewaySettings>,
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Opens the endpoint and begins to serve. The library runs already.
    pub fn start(settings: GatewaySettings) -> Result<Gateway, String> {
        let settings = Arc::new(settings);
        let listen = settings.listen;
        let cannot = |error: io::Error| cannot_listen(listen, &error);
        let socket = Arc::new(sockets::listen(listen).map_err(cannot)?);
        let address = socket.local_addr().map_err(cannot)?;
        let count = settings.threads.clamp(1, MAX_WORKERS);
        let no_thread = |error: io::Error| format!("the gateway at {address} cannot start its threads: {error}");
        let pollers = (0..=count).map(|_| Poller::new()).collect::<io::Result<Vec<Poller>>>().map_err(no_thread)?;
        let mut mailboxes: Vec<Mailbox> = pollers.iter().map(|poller| Mailbox::new(poller.waker())).collect();
        let watcher = mailboxes.pop().ok_or("a gateway has threads")?;
        let seed = RandomState::new().hash_one(std::process::id());
        let shared = Arc::new(Shared::new(Core::new(settings.core(), seed), mailboxes, watcher));
        let mut gateway = Gateway { settings, shared, address, threads: Vec::new() };
        gateway.start_threads(socket, pollers)?;
        Ok(gateway)
    }

    fn start_threads(&mut self, socket: Arc<TcpListener>, mut pollers: Vec<Poller>) -> Result<(), String> {
        let poller = pollers.pop().ok_or("a gateway has threads")?;
        let watcher = Watcher::new(Arc::clone(&self.shared), Arc::clone(&self.settings), poller)?;
        self.spawn("gateway-pool".to_owned(), move || watcher.run())?;
        for (number, poller) in pollers.into_iter().enumerate() {
            let listener = Listener::new(Arc::clone(&socket), self.address);
            let (shared, settings) = (Arc::clone(&self.shared), Arc::clone(&self.settings));
            let (worker, address) = (Worker::new(number, shared, poller, listener, settings), self.address);
            self.spawn(format!("gateway-{number}"), move || {
                if let Err(error) = worker.run() {
                    log::error!("gateway at {address}: a thread ends: {error}; its clients are gone, others go on");
                }
            })?;
        }
        Ok(())
    }

    fn spawn(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
        let started = std::thread::Builder::new().name(name).spawn(work);
        let thread =
            started.map_err(|error| format!("the gateway at {} cannot start a thread: {error}", self.address))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Where clients come to, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until a signal can be read from `stop`. Then nobody is accepted any more; those that are there may stay for a while, or
    /// until the next signal.
    pub fn run(self, stop: &impl AsRawFd, mut take_signal: impl FnMut() -> bool) -> io::Result<()> {
        let poller = Poller::new()?;
        poller.add(stop.as_raw_fd(), 0)?;
        let mut told = String::new();
        loop {
            poller.wait(clock::now(), Some(clock::now() + COUNTERS_INTERVAL), &mut Vec::new())?;
            if take_signal() {
                break;
            }
            self.tell_counters(&mut told);
        }
        self.shared.leave();
        let until = clock::now() + self.settings.drain;
        let stays = |shared: &Shared| shared.look(|core| core.sizes().0 > 0) && clock::now() < until;
        while stays(&self.shared) && !take_signal() {
            let look: Time = clock::now() + LEAVING_LOOK;
            poller.wait(clock::now(), Some(look), &mut Vec::new())?;
        }
        let cut = self.shared.look(|core| core.sizes().0);
        log::info!("gateway at {} stops: {cut} clients are cut off; {}", self.address, self.shared.line());
        self.shared.stop();
        for thread in self.threads {
            let _ = thread.join(); // a panic has been told already
        }
        Ok(())
    }

    fn tell_counters(&self, told: &mut String) {
        let line = self.shared.line();
        if line != *told {
            log::info!("gateway at {}: {line}", self.address);
            *told = line;
        }
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let advice = match error.raw_os_error() {
        Some(libc::EADDRINUSE) => "another program has this port; choose another one by --listen",
        Some(libc::EADDRNOTAVAIL) => "this host has no such address",
        Some(libc::EACCES) => "ports below 1024 are for root",
        _ => return format!("the gateway cannot listen at {address} over TCP: {error}"),
    };
    format!("the gateway cannot listen at {address} over TCP: {error}: {advice}")
}
