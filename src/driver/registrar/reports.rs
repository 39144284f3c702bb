//! The status reports of a registrar.

use crate::driver::csp::{self, Association, ComponentId, Occasion, Report};
use crate::registrar::Registrar;
use crate::{RegistrarId, Time};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// What a registrar tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub elements: usize,
    pub owned: usize,
    pub pools: usize,
    pub peers: Vec<RegistrarId>,
}

impl Status {
    pub fn of(registrar: &Registrar) -> Status {
        let handlespace = registrar.handlespace();
        Status {
            elements: handlespace.element_count(),
            owned: handlespace.count_of_owner(registrar.id()),
            pools: handlespace.pool_count(),
            peers: registrar.peers().map(|peer| peer.id).collect(),
        }
    }

    /// As rsplib's registrar says it.
    fn text(&self) -> String {
        let (pools, peers) = (csp::counted(self.pools, "Pool"), csp::counted(self.peers.len(), "Peer"));
        format!("{}[{}] PEs in {pools}, {peers}", self.elements, self.owned)
    }
}

/// Sends them.
pub(super) struct Reports {
    socket: UdpSocket,
    monitor: SocketAddr,
    interval: Duration,
    next: Time,
    sender: ComponentId,
    location: String,
}

impl Reports {
    /// To this monitor, about the registrar that serves ASAP at `asap`.
    pub fn start(monitor: SocketAddr, interval: Duration, id: RegistrarId, asap: SocketAddr) -> io::Result<Reports> {
        Ok(Reports {
            socket: csp::socket_to(monitor)?,
            monitor,
            interval,
            next: Time::ZERO,
            sender: ComponentId::registrar(id),
            location: csp::location(Some(asap)),
        })
    }

    /// When to call [`Reports::send_if_due`].
    pub fn next_deadline(&self) -> Time {
        self.next
    }

    pub fn send_if_due(&mut self, now: Time, status: impl FnOnce() -> Status) {
        if now >= self.next {
            self.next = now + self.interval;
            self.send(now, &status(), Occasion::Interval);
        }
    }

    /// The last one.
    pub fn send_last(&self, now: Time) {
        self.send(now, &Status::default(), Occasion::Stop);
    }

    fn send(&self, now: Time, status: &Status, occasion: Occasion) {
        let report = Report {
            sender: self.sender,
            time: now,
            interval: self.interval,
            location: self.location.clone(),
            status: status.text(),
            workload: None,
            occasion,
            associations: status.peers.iter().map(|id| Association::with_peer(*id)).collect(),
        };
        csp::send(&self.socket, &report, self.monitor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_one_that_monitors_are_used_to() {
        let status = Status { elements: 3, owned: 2, pools: 1, peers: vec![RegistrarId(1), RegistrarId(2)] };
        assert_eq!(status.text(), "3[2] PEs in 1 Pool, 2 Peers");
    }
}
