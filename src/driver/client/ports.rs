//! One endpoint for all pool users of a process, on as many ports as their sessions need.
//!
//! SCTP allows one association between two ports (RFC 9260 section 1.3), so two sessions with the same pool element need two
//! local ports. This transport opens another port only when every open one has an association with the peer already, and
//! closes a port again with its last association: the number of ports is the number of sessions with the busiest element.

mod receiving;
#[cfg(test)]
mod tests;

use super::free_ports::FreePorts;
use crate::association::PeerAddress;
use crate::collections::{AssociationMap, Deadlines, SortedMap};
use crate::driver::poller::Poller;
use crate::transport::{
    Capabilities, Detachable, EndpointConfig, OutboundMessage, SctpParameters, Transport, TransportError,
    TransportEvent,
};
use crate::{AssociationId, Time};
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Ports that are open at a time.
const MAX_PORTS: usize = 60_000;

/// Opens the transport of one port.
type Open = Box<dyn FnMut(&EndpointConfig) -> Result<Box<dyn Transport>, TransportError> + Send>;

/// A transport made of transports on different ports.
pub struct Ports {
    open: Open,
    config: EndpointConfig,
    ports: SortedMap<u16, Box<Port>>,
    /// Which of them have no association with a peer.
    free: FreePorts,
    /// When each port wants to run.
    deadlines: Deadlines,
    poller: Poller,
    last_number: u16,
    /// Ports that had more to do than one `poll` does.
    unfinished: Vec<u16>,
    /// The port whose receiver is away.
    detached: Option<u16>,
    ready: Vec<u64>,
    /// Ports on which connects were tried.
    #[cfg(test)]
    tried: usize,
}

struct Port {
    transport: Box<dyn Transport>,
    deadline: Option<Time>,
    /// The other end of each association.
    associations: AssociationMap<PeerAddress>,
}

impl Ports {
    /// Opens the first port.
    pub fn open(config: EndpointConfig, open: Open) -> Result<Ports, TransportError> {
        let mut ports = Ports {
            open,
            config,
            ports: SortedMap::new(),
            free: FreePorts::default(),
            deadlines: Deadlines::default(),
            poller: Poller::new()?,
            last_number: 0,
            unfinished: Vec::new(),
            detached: None,
            ready: Vec::new(),
            #[cfg(test)]
            tried: 0,
        };
        ports.open_port()?;
        Ok(ports)
    }

    /// Ports that are open.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.ports.len()
    }

    fn open_port(&mut self) -> Result<u16, TransportError> {
        if self.ports.len() >= MAX_PORTS {
            return Err(TransportError::TooManyAssociations);
        }
        let mut number = self.last_number;
        loop {
            number = number.wrapping_add(1);
            if !self.ports.contains_key(&number) {
                break;
            }
        }
        self.last_number = number;
        let transport = (self.open)(&EndpointConfig { transport_number: number, ..self.config.clone() })?;
        if let Some(fd) = transport.poll_fd() {
            self.poller.add(fd, u64::from(number))?;
        }
        let port = Port { transport, deadline: None, associations: AssociationMap::default() };
        self.ports.insert(number, Box::new(port));
        self.refresh(number);
        Ok(number)
    }

    /// Brings the list of deadlines up to date after a call on a port.
    fn refresh(&mut self, number: u16) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        let deadline = port.transport.next_deadline();
        self.deadlines.set(u64::from(number), port.deadline, deadline);
        port.deadline = deadline;
    }

    /// Closes a port that has no association any more, unless it is the last one.
    fn close_if_unused(&mut self, number: u16) {
        let unused = self.ports.get(&number).is_some_and(|port| port.associations.is_empty());
        if !unused || self.ports.len() == 1 {
            return;
        }
        if let Some(port) = self.ports.remove(&number) {
            self.deadlines.set(u64::from(number), port.deadline, None);
            if let Some(Err(error)) = port.transport.poll_fd().map(|fd| self.poller.remove(fd)) {
                log::debug!("port {number} was not in the poller: {error}");
            }
            self.unfinished.retain(|unfinished| *unfinished != number);
        }
    }

    fn connect_on(
        &mut self,
        number: u16,
        now: Time,
        peer: &PeerAddress,
        timeout: Duration,
    ) -> Result<AssociationId, TransportError> {
        #[cfg(test)]
        {
            self.tried += 1;
        }
        let Some(port) = self.ports.get_mut(&number) else { return Err(TransportError::UnknownAssociation) };
        let association = port.transport.connect(now, peer, timeout)?;
        port.associations.insert(association, peer.clone());
        self.free.associated(peer, number);
        self.refresh(number);
        Ok(association)
    }

    fn poll_port(&mut self, now: Time, number: u16, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        let Ports { ports, free, .. } = self;
        let Some(port) = ports.get_mut(&number) else { return false };
        let Port { transport, associations, .. } = &mut **port;
        let more = transport.poll(now, &mut |event| {
            note(associations, free, number, &event);
            sink(event);
        });
        self.refresh(number);
        more
    }
}

/// Keeps the list of a port's associations. All of them are ours: nobody listens on these ports.
fn note(associations: &mut AssociationMap<PeerAddress>, free: &mut FreePorts, number: u16, event: &TransportEvent<'_>) {
    let (TransportEvent::Lost { association, .. } | TransportEvent::ConnectFailed { association, .. }) = event else {
        return;
    };
    if let Some(peer) = associations.remove(association) {
        free.released(&peer, number);
    }
}

impl Transport for Ports {
    fn capabilities(&self) -> Capabilities {
        // There is always one port.
        let first = self.ports.values().next().map(|port| port.transport.capabilities());
        first.unwrap_or(Capabilities {
            kind: crate::association::TransportKind::SctpUdp,
            multi_homing: false,
            payload_protocol_id: true,
            max_message_size: 0,
        })
    }

    fn local_port(&self) -> u16 {
        self.ports.values().next().map_or(0, |port| port.transport.local_port())
    }

    fn local_addresses(&self) -> crate::wire::AddressList {
        self.ports.values().next().map(|port| port.transport.local_addresses()).unwrap_or_default()
    }

    fn connect(&mut self, now: Time, peer: &PeerAddress, timeout: Duration) -> Result<AssociationId, TransportError> {
        while let Some(number) = self.free.take(peer, &self.ports) {
            match self.connect_on(number, now, peer, timeout) {
                // By another of its addresses.
                Err(error) if error.is_connected_already() => {}
                Err(error) => {
                    self.free.give_back(peer, number);
                    return Err(error);
                }
                Ok(association) => return Ok(association),
            }
        }
        let number = match self.open_port() {
            Ok(number) => number,
            Err(error) => {
                self.free.give_up(peer);
                return Err(error);
            }
        };
        let result = self.connect_on(number, now, peer, timeout);
        if result.is_err() {
            self.free.give_back(peer, number);
            self.close_if_unused(number);
        }
        result
    }

    fn send(
        &mut self,
        now: Time,
        association: AssociationId,
        message: OutboundMessage<'_>,
    ) -> Result<(), TransportError> {
        let number = association.transport();
        let port = self.ports.get_mut(&number).ok_or(TransportError::UnknownAssociation)?;
        let result = port.transport.send(now, association, message);
        self.refresh(number);
        result
    }

    fn hold(&mut self) {
        self.ports.values_mut().for_each(|port| port.transport.hold());
    }

    fn release(&mut self, now: Time) {
        let numbers: Vec<u16> = self.ports.keys().copied().collect();
        for number in numbers {
            if let Some(port) = self.ports.get_mut(&number) {
                port.transport.release(now);
            }
            self.refresh(number);
        }
    }

    fn shutdown(&mut self, now: Time, association: AssociationId) {
        let number = association.transport();
        if let Some(port) = self.ports.get_mut(&number) {
            port.transport.shutdown(now, association);
            self.refresh(number);
        }
    }

    fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        let number = association.transport();
        if let Some(port) = self.ports.get_mut(&number) {
            port.transport.abort(now, association, reason);
            if let Some(peer) = port.associations.remove(&association) {
                self.free.released(&peer, number);
            }
            self.refresh(number);
            self.close_if_unused(number);
        }
    }

    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) {
        let number = association.transport();
        if let Some(port) = self.ports.get_mut(&number) {
            port.transport.give_up(now, association, reason);
            self.refresh(number);
        }
    }

    fn probe(&mut self, now: Time, association: AssociationId) {
        let number = association.transport();
        if let Some(port) = self.ports.get_mut(&number) {
            port.transport.probe(now, association);
            self.refresh(number);
        }
    }

    fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.config.parameters = *parameters;
        for port in self.ports.values_mut() {
            port.transport.set_parameters(parameters);
        }
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.config.max_send_queue = bytes;
        for port in self.ports.values_mut() {
            port.transport.limit_send_queues(bytes);
        }
    }

    fn parameters_of(&self, association: AssociationId) -> Option<SctpParameters> {
        self.ports.get(&association.transport())?.transport.parameters_of(association)
    }

    fn round_trip_time(&self, association: AssociationId) -> Option<Duration> {
        self.ports.get(&association.transport())?.transport.round_trip_time(association)
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        let only = self.ports.keys().next().copied().filter(|_| self.ports.len() == 1);
        if let Some(number) = only {
            // It is the one that has something to do.
            self.unfinished.clear();
            let more = self.poll_port(now, number, sink);
            self.unfinished.extend(more.then_some(number));
            return more;
        }
        let mut ready = std::mem::take(&mut self.ready);
        if let Err(error) = self.poller.wait(now, Some(now), &mut ready) {
            log::error!("looking at the ports of pool users failed: {error}");
        }
        let mut due = std::mem::take(&mut self.unfinished);
        let numbers = ready.drain(..).chain(self.deadlines.all_due(now));
        due.extend(numbers.filter_map(|number| u16::try_from(number).ok()));
        due.sort_unstable();
        due.dedup();
        self.ready = ready;
        for number in due {
            if self.poll_port(now, number, sink) {
                self.unfinished.push(number);
            }
            self.close_if_unused(number);
        }
        !self.unfinished.is_empty()
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        Some(self)
    }

    fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first()
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        match self.ports.values().next() {
            Some(port) => port.transport.announcement_sockets(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_fd(&self) -> Option<RawFd> {
        Some(self.poller.as_raw_fd())
    }
}
