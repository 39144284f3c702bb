//! Registrations of this process whose addresses follow the registrar, as one on another network reaches us by other addresses, and
//! those that this host has at the moment.

use super::addresses::addresses_towards;
use super::commands::{Registration, SocketName};
use crate::asap::{Event, Request};
use crate::collections::SortedMap;
use crate::wire::{AddressList, PoolElement, TransportParameter};
use crate::{PoolElementId, PoolHandle};
use std::net::IpAddr;

/// All registrations of RSerPool sockets. As many as there are sockets that registered.
pub(super) struct Registrations {
    by_element: SortedMap<(PoolHandle, PoolElementId), Box<Registration>>,
    /// Where the registrar is, as far as known.
    registrar: Option<IpAddr>,
    /// The last addresses of this host that fit. Empty: there never were any, and elements that need them wait.
    addresses: AddressList,
}

/// What an element becomes whose addresses are looked at.
#[derive(Debug)]
pub(super) enum Renewal {
    /// It has waited for an address: it is registered now.
    Registered(Request),
    /// It is registered, and has other addresses now.
    Changed(Event<'static>),
}

impl Registrations {
    /// None yet, for a registrar that is likely to be there.
    pub fn towards(registrar: Option<IpAddr>) -> Registrations {
        Registrations { by_element: SortedMap::new(), registrar, addresses: AddressList::new() }
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.by_element.is_empty()
    }

    /// Keeps a registration, and returns the request that makes it; none: it waits for an address.
    pub fn add(&mut self, registration: Registration) -> Option<Request> {
        if self.addresses.is_empty() {
            self.addresses = addresses_towards(self.registrar);
        }
        let request = (!self.waits(&registration)).then(|| self.request(&registration));
        self.by_element.insert(registration.key(), Box::new(registration));
        request
    }

    /// Forgets a registration. Whether it was waiting for an address, so that nobody has heard of it.
    pub fn remove(&mut self, pool_handle: &PoolHandle, pool_element_id: PoolElementId) -> bool {
        let removed = self.by_element.remove(&(pool_handle.clone(), pool_element_id));
        removed.is_some_and(|registration| self.waits(&registration))
    }

    /// It waits for an address.
    pub fn is_waiting(&self, pool_handle: &PoolHandle, pool_element_id: PoolElementId) -> bool {
        let found = self.by_element.get(&(pool_handle.clone(), pool_element_id));
        found.is_some_and(|registration| self.waits(registration))
    }

    /// The socket that is registered as this element.
    pub fn socket_of(&self, pool_handle: &PoolHandle, pool_element_id: PoolElementId) -> Option<SocketName> {
        self.by_element.get(&(pool_handle.clone(), pool_element_id))?.socket
    }

    /// A registrar has come up at `address`: what changes by that.
    pub fn registrar_is_at(&mut self, address: Option<IpAddr>) -> Vec<Renewal> {
        self.registrar = address.or(self.registrar);
        self.look_at_addresses()
    }

    /// This host may have other addresses: what changes by that. Where it has none, all stays as it is.
    pub fn look_at_addresses(&mut self) -> Vec<Renewal> {
        if self.by_element.is_empty() {
            return Vec::new();
        }
        let addresses = addresses_towards(self.registrar);
        if addresses.is_empty() || addresses == self.addresses {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.addresses, addresses);
        let mut renewals = Vec::new();
        for registration in self.by_element.values() {
            if follows(registration) {
                renewals.push(match before.is_empty() {
                    true => Renewal::Registered(self.request(registration)),
                    false => Renewal::Changed(self.change(registration)),
                });
            }
        }
        renewals
    }

    fn waits(&self, registration: &Registration) -> bool {
        self.addresses.is_empty() && follows(registration)
    }

    fn request(&self, registration: &Registration) -> Request {
        Request::Register {
            pool_handle: registration.pool_handle.clone(),
            pool_element: self.pool_element(registration),
            reregistration_interval: registration.reregistration_interval,
        }
    }

    fn change(&self, registration: &Registration) -> Event<'static> {
        Event::ElementChanged {
            pool_handle: registration.pool_handle.clone(),
            pool_element: self.pool_element(registration),
            reregistration_interval: registration.reregistration_interval,
        }
    }

    /// The element with its addresses.
    fn pool_element(&self, registration: &Registration) -> PoolElement {
        let mut pool_element = registration.pool_element.clone();
        if let TransportParameter::Sctp { addresses, .. } = &mut pool_element.user_transport {
            if addresses.is_empty() {
                addresses.clone_from(&self.addresses);
            }
        }
        pool_element
    }
}

/// It names no addresses: those of this host are put in.
fn follows(registration: &Registration) -> bool {
    matches!(&registration.pool_element.user_transport, TransportParameter::Sctp { addresses, .. } if addresses.is_empty())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::RegistrarId;
    use crate::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportUse};
    use std::time::Duration;

    pub fn registration(id: u32, addresses: AddressList) -> Registration {
        let interval = Duration::from_secs(30);
        let pool_element = PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::for_interval(interval),
            user_transport: TransportParameter::Sctp { port: 1, transport_use: TransportUse::DataOnly, addresses },
            policy: Policy::RoundRobin,
            asap_transport: None,
        };
        let socket = None;
        Registration { pool_handle: PoolHandle::from("pool"), pool_element, reregistration_interval: interval, socket }
    }

    #[test]
    fn a_registrar_elsewhere_changes_the_registrations_that_name_no_addresses() {
        let (here, six): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "::1".parse().unwrap());
        let mut registrations = Registrations::towards(Some(here));
        registrations.add(registration(1, AddressList::new()));
        registrations.add(registration(2, AddressList::from_slice(&[here])));
        assert!(registrations.registrar_is_at(Some(here)).is_empty(), "it is where it was");
        assert!(registrations.registrar_is_at(None).is_empty(), "nobody knows where it is");
        let changed = registrations.registrar_is_at(Some(six));
        let [Renewal::Changed(Event::ElementChanged { pool_element, .. })] = &changed[..] else {
            panic!("{changed:?}")
        };
        assert_eq!(pool_element.id, PoolElementId(1));
        assert!(!registrations.remove(&PoolHandle::from("pool"), PoolElementId(1)), "it was not waiting");
        assert!(registrations.registrar_is_at(Some(here)).is_empty(), "it is registered no longer");
    }
}
