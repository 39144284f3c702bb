//! Work that is written down: messages prepared beforehand, so that the loop costs the same for a registrar and for an echo.

use super::work::{Work, encoded};
use rserpool::message::AsapMessage;
use rserpool::message::asap::{Deregistration, HandleResolution, Registration};
use rserpool::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What an element says about its life: longer than any measurement.
const LIFE: Duration = Duration::from_secs(3600);
/// The port of the service that elements claim to offer.
const SERVICE_PORT: u16 = 7;
/// The multiplier of a hash: spreads the identifiers, and takes no two numbers to one.
const SPREAD: u32 = 2_654_435_761;

/// The elements that are registered for a measurement.
pub struct Elements {
    /// Names the pools; their number follows if there are several.
    pub pool: String,
    pub pools: usize,
    pub count: usize,
    pub address: IpAddr,
}

impl Elements {
    /// The handle of the pool that element number `number` is in.
    pub fn handle(&self, number: usize) -> PoolHandle {
        match self.pools {
            1 => PoolHandle::from(self.pool.as_str()),
            pools => PoolHandle::from(format!("{}-{}", self.pool, number % pools).as_str()),
        }
    }

    fn id(number: usize) -> PoolElementId {
        PoolElementId((number as u32).wrapping_add(1).wrapping_mul(SPREAD))
    }

    pub fn registration(&self, number: usize) -> Vec<u8> {
        let user_transport = TransportParameter::Sctp {
            port: SERVICE_PORT,
            transport_use: TransportUse::DataOnly,
            addresses: AddressList::from_slice(&[self.address]),
        };
        encoded(AsapMessage::Registration(Registration {
            pool_handle: self.handle(number),
            pool_element: PoolElement {
                id: Elements::id(number),
                home_registrar: RegistrarId(0),
                registration_life: RegistrationLife::for_interval(LIFE),
                user_transport,
                policy: Policy::RoundRobin,
                asap_transport: None,
            },
            life_in_seconds: None,
        }))
    }

    pub fn deregistration(&self, number: usize) -> Vec<u8> {
        let pool_element_id = Elements::id(number);
        encoded(AsapMessage::Deregistration(Deregistration { pool_handle: self.handle(number), pool_element_id }))
    }

    pub fn resolution(&self, number: usize, items: u32) -> Vec<u8> {
        let (pool_handle, items) = (self.handle(number), Some(items));
        encoded(AsapMessage::HandleResolution(HandleResolution { subscribe: false, pool_handle, items }))
    }
}

/// A request to an echo server: looks like an ASAP message, as TCP is framed by their length, and says how long the
/// answer shall be.
pub fn echo_request(request: usize, response: usize) -> Vec<u8> {
    let mut bytes = vec![0; request.max(8)];
    let length = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes[4..8].copy_from_slice(&(response as u32).to_be_bytes());
    bytes
}

/// Lists of messages, one for each association.
pub struct Script {
    lists: Vec<Arc<Vec<Vec<u8>>>>,
    next: Vec<usize>,
    /// Begins again after the end.
    pub endless: bool,
}

impl Script {
    /// Distributes messages over associations in turn.
    pub fn new(messages: impl IntoIterator<Item = Vec<Vec<u8>>>, associations: usize, endless: bool) -> Script {
        let mut lists = vec![Vec::new(); associations];
        for (number, group) in messages.into_iter().enumerate() {
            lists[number % associations].extend(group);
        }
        let lists = lists.into_iter().map(Arc::new).collect();
        Script { next: vec![0; associations], lists, endless }
    }

    /// The same list for each association, begun at different places.
    pub fn shared(messages: Vec<Vec<u8>>, associations: usize) -> Script {
        let next = (0..associations).map(|number| number * messages.len() / associations).collect();
        let messages = Arc::new(messages);
        Script { lists: vec![messages; associations], next, endless: true }
    }

    /// All messages of all associations.
    pub fn len(&self) -> u64 {
        self.lists.iter().map(|list| list.len()).sum::<usize>() as u64
    }

    /// Begins again.
    pub fn restart(&mut self) {
        self.next.fill(0);
    }
}

impl Work for Script {
    fn request(&mut self, association: usize) -> Option<&[u8]> {
        let (list, next) = (self.lists.get(association)?, self.next.get_mut(association)?);
        if self.endless && *next >= list.len() {
            *next = 0;
        }
        let message = list.get(*next)?;
        *next += 1;
        Some(message)
    }
}
