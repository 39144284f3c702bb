//! Pool elements: one endpoint each, and ways to be no use.

use super::books::Place;
use crate::support::memory::{MemoryNetwork, MemoryTransport};
use rserpool::association::PeerAddress;
use rserpool::random::Random;
use rserpool::session::encode_cookie;
use rserpool::transport::{EndpointConfig, OutboundMessage, Transport, TransportEvent};
use rserpool::wire::{AddressList, PPID_ASAP, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{AssociationId, PoolElementId, RegistrarId, Time};
use std::net::SocketAddr;

/// What the application on top does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Reads, and gives a cookie of so many bytes away.
    Serves {
        cookie: usize,
    },
    /// Ends each session as soon as it is up: in order, or by an abort, as one whose backlog is full.
    HangsUp,
    IsFull,
    /// Takes no associations.
    Refuses,
    /// Serves, on this one stream only.
    OneStream,
}

impl Temper {
    pub fn any(random: &mut Random) -> Temper {
        match random.below(10) {
            0 => Temper::HangsUp,
            1 => Temper::IsFull,
            2 => Temper::Refuses,
            3 => Temper::OneStream,
            4 => Temper::Serves { cookie: 60_000 },
            _ => Temper::Serves { cookie: random.below(100) as usize },
        }
    }
}

pub struct Element {
    number: usize,
    pub address: SocketAddr,
    /// Counts its processes.
    pub incarnation: u32,
    pub temper: Temper,
    /// None: it is dead.
    pub transport: Option<MemoryTransport>,
    /// Stopped: it does nothing.
    pub hung: bool,
    pub registered: bool,
}

/// What reached an element: whose message, which, and where.
pub type Delivery = (usize, u32, Place);

impl Element {
    pub fn new(number: usize) -> Element {
        Element {
            number,
            address: SocketAddr::from(([10, 9, 0, number as u8 + 1], 5000)),
            incarnation: 0,
            temper: Temper::Serves { cookie: 0 },
            transport: None,
            hung: false,
            registered: false,
        }
    }

    pub fn id(&self) -> PoolElementId {
        PoolElementId(self.number as u32 + 1)
    }

    pub fn start(&mut self, network: &MemoryNetwork, temper: Temper) {
        let listen = temper != Temper::Refuses;
        let config = EndpointConfig { bind: vec![self.address], listen, ..EndpointConfig::default() };
        self.incarnation += 1;
        self.temper = temper;
        self.hung = false;
        self.registered = true;
        self.transport = Some(network.open(&config).expect("the address is free"));
    }

    pub fn entry(&self) -> PoolElement {
        PoolElement {
            id: self.id(),
            home_registrar: RegistrarId(1),
            registration_life: RegistrationLife::INFINITE,
            user_transport: TransportParameter::Sctp {
                port: self.address.port(),
                transport_use: TransportUse::DataPlusControl,
                addresses: AddressList::from_slice(&[self.address.ip()]),
            },
            policy: Policy::RoundRobin,
            asap_transport: None,
        }
    }

    pub fn is_at(&self, peer: &PeerAddress) -> bool {
        peer.addresses.contains(&self.address.ip())
    }

    pub fn next_deadline(&self) -> Option<Time> {
        self.transport.as_ref().filter(|_| !self.hung)?.next_deadline()
    }

    pub fn poll(&mut self, now: Time, deliveries: &mut Vec<Delivery>) {
        let Some(transport) = self.transport.as_mut().filter(|_| !self.hung) else { return };
        let (mut new, number, incarnation) = (Vec::new(), self.number, self.incarnation);
        while transport.poll(now, &mut |event| match event {
            TransportEvent::Up { association, .. } => new.push(association),
            TransportEvent::Message { association, ppid, payload, .. } if ppid != PPID_ASAP => {
                let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
                deliveries.push((word(0) as usize, word(4), (number, incarnation, association)));
            }
            _ => {}
        }) {}
        for association in new {
            self.greet(now, association);
        }
    }

    fn greet(&mut self, now: Time, association: AssociationId) {
        let Some(transport) = &mut self.transport else { return };
        match self.temper {
            Temper::HangsUp => transport.shutdown(now, association),
            Temper::IsFull => transport.abort(now, association, "too many sessions wait to be accepted"),
            Temper::Serves { cookie } if cookie > 0 => {
                let bytes = encode_cookie(&vec![7; cookie]).expect("it is short enough");
                // A session that is over already gets none.
                let _ = transport.send(now, association, OutboundMessage::control(PPID_ASAP, &bytes));
            }
            Temper::Serves { .. } | Temper::Refuses | Temper::OneStream => {}
        }
    }
}
