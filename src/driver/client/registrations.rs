//! Registrations of this process whose addresses follow the registrar: one on another network reaches us by other addresses.

use super::addresses::addresses_towards;
use super::commands::Registration;
use crate::asap::{Event, Request};
use crate::collections::SortedMap;
use crate::wire::TransportParameter;
use crate::{PoolElementId, PoolHandle};
use std::net::IpAddr;

/// All registrations of RSerPool sockets. As many as there are sockets that registered.
pub(super) struct Registrations {
    by_element: SortedMap<(PoolHandle, PoolElementId), Box<Registration>>,
    /// Where the registrar is, as far as known.
    registrar: Option<IpAddr>,
}

impl Registrations {
    /// None yet, for a registrar that is likely to be there.
    pub fn towards(registrar: Option<IpAddr>) -> Registrations {
        Registrations { by_element: SortedMap::new(), registrar }
    }

    /// Keeps a registration, and returns the request that makes it.
    pub fn add(&mut self, registration: Registration) -> Request {
        let request = self.request(&registration);
        self.by_element.insert(registration.key(), Box::new(registration));
        request
    }

    /// Forgets a registration.
    pub fn remove(&mut self, pool_handle: &PoolHandle, pool_element_id: PoolElementId) {
        self.by_element.remove(&(pool_handle.clone(), pool_element_id));
    }

    /// A registrar has come up at `address`: the registrations that change by that.
    pub fn registrar_is_at(&mut self, address: Option<IpAddr>) -> Vec<Event<'static>> {
        if address.is_none() || self.registrar == address {
            return Vec::new();
        }
        let before = self.requests();
        self.registrar = address;
        let after = self.requests();
        let changed = before.into_iter().zip(after).filter(|(before, after)| before != after);
        changed.filter_map(|(_, request)| element_changed(request)).collect()
    }

    fn requests(&self) -> Vec<Request> {
        self.by_element.values().map(|registration| self.request(registration)).collect()
    }

    fn request(&self, registration: &Registration) -> Request {
        let mut pool_element = registration.pool_element.clone();
        if let TransportParameter::Sctp { addresses, .. } = &mut pool_element.user_transport {
            if addresses.is_empty() {
                *addresses = addresses_towards(self.registrar);
            }
        }
        Request::Register {
            pool_handle: registration.pool_handle.clone(),
            pool_element,
            reregistration_interval: registration.reregistration_interval,
        }
    }
}

fn element_changed(request: Request) -> Option<Event<'static>> {
    let Request::Register { pool_handle, pool_element, reregistration_interval } = request else { return None };
    Some(Event::ElementChanged { pool_handle, pool_element, reregistration_interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RegistrarId;
    use crate::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportUse};
    use std::time::Duration;

    fn registration(id: u32, addresses: AddressList) -> Registration {
        let interval = Duration::from_secs(30);
        let pool_element = PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::for_interval(interval),
            user_transport: TransportParameter::Sctp { port: 1, transport_use: TransportUse::DataOnly, addresses },
            policy: Policy::RoundRobin,
            asap_transport: None,
        };
        Registration { pool_handle: PoolHandle::from("pool"), pool_element, reregistration_interval: interval }
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
        let [Event::ElementChanged { pool_element, .. }] = &changed[..] else { panic!("{changed:?}") };
        assert_eq!(pool_element.id, PoolElementId(1));
        registrations.remove(&PoolHandle::from("pool"), PoolElementId(1));
        assert!(registrations.registrar_is_at(Some(here)).is_empty(), "it is registered no longer");
    }
}
