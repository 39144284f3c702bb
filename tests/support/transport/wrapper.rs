//! A transport around another one, as TLS will be: what the contract promises holds through it.

use super::World;
use rserpool::association::{PeerAddress, Undelivered};
use rserpool::transport::{
    Capabilities, Detachable, DetachedReceiver, Detachment, EndpointConfig, OutboundMessage, SctpParameters, Transport,
    TransportError, TransportEvent,
};
use rserpool::wire::AddressList;
use rserpool::{AssociationId, Time};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::RawFd;
use std::time::Duration;

/// What a wrapper does to messages.
#[derive(Clone, Copy)]
pub enum Layer {
    /// Nothing.
    Nothing,
    /// Each becomes a record with a header, which looks like ASAP's so that TCP can frame it.
    Records,
}

impl Layer {
    /// Bytes of a header.
    fn overhead(self) -> usize {
        match self {
            Layer::Nothing => 0,
            Layer::Records => 4,
        }
    }

    fn wrap(self, payload: &[u8]) -> Vec<u8> {
        let mut record = Vec::with_capacity(payload.len() + self.overhead());
        if matches!(self, Layer::Records) {
            let length = u16::try_from(payload.len() + self.overhead()).unwrap_or(u16::MAX);
            record.extend([0x17, 0]);
            record.extend(length.to_be_bytes());
        }
        record.extend(payload);
        record
    }

    fn unwrap(self, record: &[u8]) -> &[u8] {
        let (header, payload) = record.split_at(self.overhead());
        assert!(header.is_empty() || header[..2] == [0x17, 0], "no record: {header:?}");
        payload
    }

    fn unwrap_event(self, event: TransportEvent<'_>) -> TransportEvent<'_> {
        match event {
            TransportEvent::Message { association, stream, ppid, payload } => {
                TransportEvent::Message { association, stream, ppid, payload: self.unwrap(payload) }
            }
            TransportEvent::Lost { association, reason, undelivered } => {
                let unwrapped = undelivered
                    .into_iter()
                    .map(|message| Undelivered { payload: self.unwrap(&message.payload).to_vec(), ..message });
                TransportEvent::Lost { association, reason, undelivered: unwrapped.collect() }
            }
            other => other,
        }
    }
}

/// A transport around another one.
struct Wrapper {
    inner: Box<dyn Transport>,
    layer: Layer,
}

impl Transport for Wrapper {
    fn capabilities(&self) -> Capabilities {
        let inner = self.inner.capabilities();
        Capabilities { max_message_size: inner.max_message_size - self.layer.overhead(), ..inner }
    }

    fn local_port(&self) -> u16 {
        self.inner.local_port()
    }

    fn local_addresses(&self) -> AddressList {
        self.inner.local_addresses()
    }

    fn connect(&mut self, now: Time, peer: &PeerAddress, timeout: Duration) -> Result<AssociationId, TransportError> {
        self.inner.connect(now, peer, timeout)
    }

    fn send(&mut self, now: Time, id: AssociationId, message: OutboundMessage<'_>) -> Result<(), TransportError> {
        if message.payload.is_empty() {
            return Err(TransportError::EmptyMessage);
        }
        let record = self.layer.wrap(message.payload);
        self.inner.send(now, id, OutboundMessage { payload: &record, ..message }).map_err(|error| match error {
            TransportError::MessageTooLarge { limit } => {
                TransportError::MessageTooLarge { limit: limit - self.layer.overhead() }
            }
            other => other,
        })
    }

    fn hold(&mut self) {
        self.inner.hold();
    }

    fn release(&mut self, now: Time) {
        self.inner.release(now);
    }

    fn shutdown(&mut self, now: Time, association: AssociationId) {
        self.inner.shutdown(now, association);
    }

    fn abort(&mut self, now: Time, association: AssociationId, reason: &str) {
        self.inner.abort(now, association, reason);
    }

    fn give_up(&mut self, now: Time, association: AssociationId, reason: &str) {
        self.inner.give_up(now, association, reason);
    }

    fn probe(&mut self, now: Time, association: AssociationId) {
        self.inner.probe(now, association);
    }

    fn set_parameters(&mut self, parameters: &SctpParameters) {
        self.inner.set_parameters(parameters);
    }

    fn limit_send_queues(&mut self, bytes: usize) {
        self.inner.limit_send_queues(bytes);
    }

    fn parameters_of(&self, association: AssociationId) -> Option<SctpParameters> {
        self.inner.parameters_of(association)
    }

    fn round_trip_time(&self, association: AssociationId) -> Option<Duration> {
        self.inner.round_trip_time(association)
    }

    fn poll(&mut self, now: Time, sink: &mut dyn FnMut(TransportEvent<'_>)) -> bool {
        let layer = self.layer;
        self.inner.poll(now, &mut |event| sink(layer.unwrap_event(event)))
    }

    fn detachable(&mut self) -> Option<&mut dyn Detachable> {
        self.inner.detachable().is_some().then_some(self as &mut dyn Detachable)
    }

    fn next_deadline(&self) -> Option<Time> {
        self.inner.next_deadline()
    }

    fn announcement_sockets(&self) -> io::Result<Vec<UdpSocket>> {
        self.inner.announcement_sockets()
    }

    fn poll_fd(&self) -> Option<RawFd> {
        self.inner.poll_fd()
    }
}

impl Detachable for Wrapper {
    fn detach(&mut self, detachment: Detachment) -> Option<Box<dyn DetachedReceiver>> {
        self.inner.detachable()?.detach(detachment)
    }

    fn deliver(&mut self, now: Time, receiver: &mut dyn DetachedReceiver, sink: &mut dyn FnMut(TransportEvent<'_>)) {
        let layer = self.layer;
        let inner = self.inner.detachable().expect("it detached");
        inner.deliver(now, receiver, &mut |event| sink(layer.unwrap_event(event)));
    }

    fn attach(
        &mut self,
        now: Time,
        receiver: Box<dyn DetachedReceiver>,
        sink: &mut dyn FnMut(TransportEvent<'_>),
    ) -> bool {
        let layer = self.layer;
        let inner = self.inner.detachable().expect("it detached");
        inner.attach(now, receiver, &mut |event| sink(layer.unwrap_event(event)))
    }
}

/// A world whose transports are wrapped, and whose messages are received apart from the transport where that can be.
pub struct WrappedWorld<W> {
    pub inner: W,
    pub layer: Layer,
}

impl<W: World> World for WrappedWorld<W> {
    fn open(&mut self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        let layer = self.layer;
        let max_message_size = config.max_message_size + layer.overhead();
        let inner = self.inner.open(&EndpointConfig { max_message_size, ..config.clone() })?;
        Ok(Box::new(Wrapper { inner, layer }))
    }

    fn address(&self) -> IpAddr {
        self.inner.address()
    }

    fn now(&self) -> Time {
        self.inner.now()
    }

    fn wait(&mut self, fds: &[RawFd], until: Time) {
        self.inner.wait(fds, until);
    }

    fn silence(&mut self, endpoint: SocketAddr) -> bool {
        self.inner.silence(endpoint)
    }

    fn detaches(&self) -> bool {
        true
    }
}
