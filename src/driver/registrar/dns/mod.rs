//! Finds other registrars by DNS SRV records, e.g. `_enrp._sctp.example.net`, in a thread of its own: a DNS server that
//! does not answer holds up nobody.

mod query;
#[cfg(test)]
mod tests;

use crate::association::PeerAddress;
use crate::driver::poller::Waker;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where the system says which DNS servers there are.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Pause after a look-up that failed, unless the interval is shorter still.
const RETRY: Duration = Duration::from_secs(5);

/// Names to look up, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNames {
    /// SRV names, e.g. `_enrp._sctp.example.net`.
    pub names: Vec<String>,
    /// DNS servers; none: those of the system, read anew for each look-up.
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
        if names.names.is_empty() {
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

fn look_up_for_ever(names: &PeerNames, found: &Found, waker: &Waker, ended: &Receiver<()>) {
    let mut warned = false;
    loop {
        let result = look_up_all(names);
        let pause = match &result {
            Ok(_) => names.interval,
            Err(_) => names.interval.min(RETRY),
        };
        match &result {
            Ok(_) => warned = false,
            // Said once, until it works again: a DNS that is away is no news every few seconds.
            Err(why) if warned => log::debug!("registrars cannot be found by DNS: {why}"),
            Err(why) => {
                warned = true;
                log::warn!("registrars cannot be found by DNS, which is tried again every {pause:?}: {why}");
            }
        }
        found.publish(result.ok());
        waker.wake();
        if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// All peers that the names lead to. Names that cannot be looked up fail it all: half an answer would forget peers.
fn look_up_all(names: &PeerNames) -> Result<Vec<PeerAddress>, String> {
    let servers = match names.servers.is_empty() {
        true => system_servers()?,
        false => names.servers.clone(),
    };
    let mut peers = Vec::new();
    for name in &names.names {
        let seed = super::random_seed().map_err(|error| format!("no random number: {error}"))?;
        for peer in query::look_up(name, &servers, seed as u16)? {
            if !peers.contains(&peer) {
                peers.push(peer);
            }
        }
    }
    Ok(peers)
}

fn system_servers() -> Result<Vec<SocketAddr>, String> {
    let text = std::fs::read_to_string(RESOLV_CONF).map_err(|error| format!("{RESOLV_CONF}: {error}"))?;
    let servers = parse_resolv_conf(&text);
    if servers.is_empty() { Err(format!("{RESOLV_CONF} names no DNS server")) } else { Ok(servers) }
}

fn parse_resolv_conf(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        let address: IpAddr = address.parse().ok()?; // one with a zone is of no use to us
        Some(SocketAddr::new(address, query::PORT_DNS))
    });
    servers.take(query::MAX_SERVERS).collect()
}
