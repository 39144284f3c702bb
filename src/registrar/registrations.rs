//! Which registrations and de-registrations are accepted (RFC 5352 sections 3.1 and 3.2): who may register what, and who may
//! take it out again.

use super::associations::Association;
use super::refusals::{cause_of, invalid_value, without_information};
use super::rsplib::Scope;
use super::{OwnAddresses, RegistrarConfig, UserAddresses};
use crate::handlespace::{Element, ElementIndex, Handlespace, Registered};
use crate::wire::{Cause, ErrorCause, MAX_SCTP_ADDRESSES, PoolElement, RegistrationLife, TransportParameter};
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId};
use std::net::IpAddr;

/// The rules.
#[derive(Debug)]
pub(super) struct Registrations {
    /// The home of all that register.
    home: RegistrarId,
    max_pool_handle_len: usize,
    max_elements_per_association: usize,
    user_addresses: UserAddresses,
    scope: Scope,
}

/// What comes of the wish of an association to have an element taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deregistration {
    /// It is not there: the wish is fulfilled.
    NotThere,
    /// It is to be removed.
    Granted(ElementIndex),
    /// It belongs to somebody else.
    Refused,
}

impl Registrations {
    pub fn new(config: &RegistrarConfig, home: RegistrarId) -> Registrations {
        Registrations {
            home,
            max_pool_handle_len: config.max_pool_handle_len,
            max_elements_per_association: config.max_elements_per_association,
            user_addresses: config.user_addresses,
            scope: Scope::of(config),
        }
    }

    /// Goes by other settings from now on.
    pub fn adopt(&mut self, config: &RegistrarConfig) {
        *self = Registrations::new(config, self.home);
    }

    /// Puts an element in, or replaces it, as the association `id` wants it; or says why not. `host` is where this registrar is.
    pub fn register(
        &self,
        handlespace: &mut Handlespace,
        host: &OwnAddresses,
        (id, association): (AssociationId, &Association),
        known: Option<ElementIndex>,
        pool_handle: &PoolHandle,
        mut pool_element: PoolElement,
    ) -> Result<(ElementIndex, Registered), ErrorCause> {
        // RFC 5352 section 2.1: pool elements use SCTP. Without it nothing would show whose addresses are registered.
        if association.is_tcp() {
            return Err(without_information(Cause::RejectedForSecurity));
        }
        self.check_values(handlespace, pool_handle, &pool_element)?;
        if self.user_addresses != UserAddresses::Any {
            let kept = keep(&mut pool_element.user_transport, |address| is_own(host, association, address));
            match (kept, self.user_addresses) {
                (Kept::Some, _) => {}
                (Kept::None, UserAddresses::Seen) => move_to(&mut pool_element.user_transport, association),
                (Kept::None, _) => return Err(invalid_value(&pool_element)),
            }
        }
        pool_element.home_registrar = self.home;
        pool_element.asap_transport = Some(association.asap_transport());
        if !self.scope.bears(pool_handle, &pool_element) {
            return Err(invalid_value(&pool_element));
        }
        self.check_identity(handlespace, (id, association), known, &pool_element)?;
        handlespace
            .register(pool_handle, &pool_element, Some(id))
            .map_err(|refusal| cause_of(refusal, handlespace, pool_handle))
    }

    fn check_values(
        &self,
        handlespace: &Handlespace,
        pool_handle: &PoolHandle,
        pool_element: &PoolElement,
    ) -> Result<(), ErrorCause> {
        if pool_handle.as_bytes().is_empty() || pool_handle.as_bytes().len() > self.max_pool_handle_len {
            return Err(invalid_value(pool_handle));
        }
        let life = pool_element.registration_life;
        let life_is_valid = life == RegistrationLife::INFINITE || life.0 > 0;
        if pool_element.id == PoolElementId(0) || !life_is_valid {
            return Err(invalid_value(pool_element));
        }
        if !handlespace.supports(pool_element.policy.policy_type()) {
            return Err(invalid_value(&pool_element.policy));
        }
        Ok(())
    }

    /// Whether the element may be registered on this association: it is new, or was registered on the same association, or is
    /// the same element that comes from another registrar. Any other element has no right to this identifier, and as long as
    /// the association lives that an element registered on, nobody has over another one.
    fn check_identity(
        &self,
        handlespace: &Handlespace,
        (id, association): (AssociationId, &Association),
        known: Option<ElementIndex>,
        pool_element: &PoolElement,
    ) -> Result<(), ErrorCause> {
        let known = known.and_then(|index| handlespace.element(index));
        if known.is_some_and(|known| known.association() == Some(id)) {
            return Ok(());
        }
        if known.is_some_and(|known| known.is_registered() || !is_same_element(known, association, pool_element)) {
            return Err(without_information(Cause::NonUniquePoolElementId));
        }
        let is_crowding =
            || known.is_none() && association.address().host().is_some_and(|host| handlespace.leaves_to_others(host));
        if handlespace.count_of_association(id) >= self.max_elements_per_association || is_crowding() {
            return Err(without_information(Cause::LackOfResources));
        }
        Ok(())
    }

    /// Whether the association `id` may take an element out. Only the association that registered it may; for an element that
    /// registered with another registrar, an association from the same host.
    pub fn deregister(
        &self,
        handlespace: &Handlespace,
        (id, association): (AssociationId, Option<&Association>),
        pool_handle: &PoolHandle,
        pool_element_id: PoolElementId,
    ) -> Deregistration {
        let Some(index) = handlespace.find(pool_handle, pool_element_id) else { return Deregistration::NotThere };
        let (Some(element), Some(association)) = (handlespace.element(index), association) else {
            return Deregistration::Refused;
        };
        let granted = match element.association() {
            Some(owner) => owner == id,
            None => !association.is_tcp() && registered_from(element, association),
        };
        if granted { Deregistration::Granted(index) } else { Deregistration::Refused }
    }
}

/// Whether an element may offer its service at an address: its association has it. Who comes over loopback is on this host, whose
/// addresses are its own then, too: else users elsewhere could not reach it.
fn is_own(host: &OwnAddresses, association: &Association, address: IpAddr) -> bool {
    let is_here = || association.address().addresses.iter().any(IpAddr::is_loopback);
    association.has_address(address) || (is_here() && host.include(address.to_canonical()))
}

/// What is left of the addresses of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Some,
    /// It has none of them: the transport is as before.
    None,
}

/// Leaves out the addresses that are not the element's own (RFC 5352 section 2.2.1).
fn keep(transport: &mut TransportParameter, is_own: impl Fn(IpAddr) -> bool) -> Kept {
    let any = match transport {
        TransportParameter::Sctp { addresses, .. } => {
            let any = addresses.iter().any(|address| is_own(*address));
            if any {
                addresses.retain(|address| is_own(*address));
            }
            any
        }
        TransportParameter::Tcp { address, .. }
        | TransportParameter::Udp { address, .. }
        | TransportParameter::UdpLite { address, .. }
        | TransportParameter::Dccp { address, .. } => is_own(*address),
        TransportParameter::Opaque(_) => true,
    };
    if any { Kept::Some } else { Kept::None }
}

/// Has it offer its service where it is seen from.
fn move_to(transport: &mut TransportParameter, association: &Association) {
    let seen = &association.address().addresses;
    match transport {
        TransportParameter::Sctp { addresses, .. } => {
            *addresses = seen.iter().take(MAX_SCTP_ADDRESSES).copied().collect()
        }
        TransportParameter::Tcp { address, .. }
        | TransportParameter::Udp { address, .. }
        | TransportParameter::UdpLite { address, .. }
        | TransportParameter::Dccp { address, .. } => *address = seen.first().copied().unwrap_or(*address),
        TransportParameter::Opaque(_) => {}
    }
}

/// Whether an element that registers on a new association is the one that is known.
///
/// It is when it offers its service at the same place, as only one process can (the addresses have been checked to be its
/// own). An element without an association, whose home was another registrar, may also have moved its service, as long
/// as it registers from the same host.
fn is_same_element(known: &Element, association: &Association, new: &PoolElement) -> bool {
    let old = known.pool_element();
    let same_host = registered_from(known, association);
    let same_place = match (&old.user_transport, &new.user_transport) {
        (TransportParameter::Opaque(old), TransportParameter::Opaque(new)) => old == new && same_host,
        (old, new) => {
            let ((old_port, old_addresses), (new_port, new_addresses)) = (old.place(), new.place());
            old_port == new_port && old_addresses.iter().any(|address| new_addresses.contains(address))
        }
    };
    same_place || (known.association().is_none() && same_host)
}

/// Whether the element without an association of ours was registered from the host at the other end of this one.
fn registered_from(known: &Element, association: &Association) -> bool {
    known.asap_transport().is_some_and(|transport| {
        let (_, addresses) = transport.place();
        addresses.iter().any(|address| association.has_address(*address))
    })
}
