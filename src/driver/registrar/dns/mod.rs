//! Finds other registrars by name, by those of hosts and by DNS SRV records, e.g. `_enrp._sctp.example.net`, in a thread of its own: a
//! DNS server that does not answer holds up nobody.

#[cfg(test)]
mod tests;

use crate::association::PeerAddress;
use crate::driver::dns;
use crate::driver::place::HostName;
use crate::driver::poller::Waker;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Pause after a look-up that failed, unless the interval is shorter still.
const RETRY: Duration = Duration::from_secs(5);

/// Names to look up, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNames {
    /// SRV names, e.g. `_enrp._sctp.example.net`.
    pub names: Vec<String>,
    /// Names of hosts, e.g. `registrar.example.net`: a registrar may be at each of their addresses.
    pub hosts: Vec<HostName>,
    /// DNS servers, for everything; none: those of the system, read anew for each look-up, and its resolver for names of hosts.
    pub servers: Vec<SocketAddr>,
    /// Pause between look-ups.
    pub interval: Duration,
    /// How long a registrar that starts waits for its first answer.
    pub start_timeout: Duration,
}

impl Default for PeerNames {
    /// No names; the system's servers, once a minute.
    fn default() -> PeerNames {
        PeerNames {
            names: Vec::new(),
            hosts: Vec::new(),
            servers: Vec::new(),
            interval: Duration::from_secs(60),
            start_timeout: Duration::from_secs(2),
        }
    }
}

/// What the thread has found, until the registrar's thread takes it.
#[derive(Default)]
struct Found {
    state: Mutex<State>,
    tried: Condvar,
}

#[derive(Default)]
struct State {
    /// The latest answer, until it is taken.
    answer: Option<Vec<PeerAddress>>,
    /// A look-up is over, with or without an answer.
    tried: bool,
}

impl Found {
    fn publish(&self, answer: Option<Vec<PeerAddress>>) {
        let mut state = self.state.lock();
        state.answer = answer.or(state.answer.take());
        state.tried = true;
        self.tried.notify_all();
    }
}

/// The look-ups under way; they end when this is dropped.
pub(super) struct PeerLookup {
    found: Arc<Found>,
    /// Its end tells the thread to end, which it does after the look-up under way.
    _alive: Sender<()>,
}

impl PeerLookup {
    /// Starts the thread, which wakes `waker` for each answer; none without names.
    pub(super) fn start(names: &PeerNames, waker: Waker) -> io::Result<Option<PeerLookup>> {
        if names.names.is_empty() && names.hosts.is_empty() {
            return Ok(None);
        }
        let (alive, ended) = bounded(0);
        let found = Arc::<Found>::default();
        let (for_thread, names) = (Arc::clone(&found), names.clone());
        let run = move || look_up_for_ever(&names, &for_thread, &waker, &ended);
        std::thread::Builder::new().name("registrar-dns".to_owned()).spawn(run)?;
        Ok(Some(PeerLookup { found, _alive: alive }))
    }

    /// Waits until names have been looked up once, whatever came of it, or the time is over.
    pub(super) fn wait(&self, timeout: Duration) {
        let mut state = self.found.state.lock();
        self.found.tried.wait_while_for(&mut state, |state| !state.tried, timeout);
    }

    /// A new answer, once.
    pub(super) fn take(&self) -> Option<Vec<PeerAddress>> {
        self.found.state.lock().answer.take()
    }
}

/// A name, as far as it is known.
#[derive(Default)]
struct Known {
    /// What it led to when it could be looked up the last time: a failure forgets nothing.
    peers: Vec<PeerAddress>,
    /// The log has a warning that it cannot be looked up: said once, until it can.
    warned: bool,
}

impl Known {
    fn take(&mut self, result: Result<Vec<PeerAddress>, String>, pause: Duration) {
        match result {
            Ok(peers) => *self = Known { peers, warned: false },
            Err(why) if self.warned => log::debug!("registrars cannot be looked up: {why}"),
            Err(why) => {
                self.warned = true;
                log::warn!("registrars cannot be looked up, which is tried again in {pause:?}: {why}");
            }
        }
    }
}

fn look_up_for_ever(names: &PeerNames, found: &Found, waker: &Waker, ended: &Receiver<()>) {
    let count = names.names.len() + names.hosts.len();
    let mut all: Vec<Known> = std::iter::repeat_with(Known::default).take(count).collect();
    loop {
        let results = look_up_all(names);
        let (any, failed) = (results.iter().any(Result::is_ok), results.iter().any(Result::is_err));
        let pause = if failed { names.interval.min(RETRY) } else { names.interval };
        all.iter_mut().zip(results).for_each(|(known, result)| known.take(result, pause));
        found.publish(any.then(|| peers_of(&all)));
        waker.wake();
        if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Each peer once.
fn peers_of(all: &[Known]) -> Vec<PeerAddress> {
    let mut peers: Vec<PeerAddress> = Vec::new();
    for peer in all.iter().flat_map(|known| &known.peers) {
        if !peers.contains(peer) {
            peers.push(peer.clone());
        }
    }
    peers
}

/// The peers that each name leads to: first the SRV names, then the hosts.
fn look_up_all(names: &PeerNames) -> Vec<Result<Vec<PeerAddress>, String>> {
    let by_srv = names.names.iter().map(|name| dns::look_up_srv(name, &names.servers));
    let by_host = names.hosts.iter().map(|name| look_up_host(name, &names.servers));
    by_srv.chain(by_host).collect()
}

fn look_up_host(name: &HostName, servers: &[SocketAddr]) -> Result<Vec<PeerAddress>, String> {
    let found = name.look_up_by(servers).map_err(|error| format!("{name}: {error}"))?;
    Ok(found.into_iter().map(PeerAddress::from).collect())
}
