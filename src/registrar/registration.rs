//! ASAP_REGISTRATION (RFC 5352 section 3.1).

use super::associations::Association;
use super::removal::Place;
use super::{Registrar, Step, rsplib};
use crate::handlespace::{Element, ElementIndex, Refusal, Registered};
use crate::log_limit::log_limited;
use crate::message::AsapMessage;
use crate::message::asap::{Registration, RegistrationResponse};
use crate::wire::{
    Cause, ErrorCause, OperationalError, Parameter, PoolElement, RegistrationLife, TransportParameter, Writer,
};
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use log::Level;
use std::net::IpAddr;

impl Registrar {
    pub(super) fn on_registration(&mut self, association: AssociationId, message: Registration, step: &mut Step<'_>) {
        let Registration { pool_handle, pool_element } = message;
        let id = pool_element.id;
        let error = match self.register(association, &pool_handle, pool_element, step) {
            Ok(()) => {
                self.statistics.registrations += 1;
                None
            }
            Err(cause) => {
                self.statistics.registrations_refused += 1;
                log_limited!(
                    self.logs.refusals,
                    step.now,
                    Level::Warn,
                    "registrar {}: registration of {id:?} in pool {pool_handle} by {association:?} is refused: {}",
                    self.id,
                    cause.cause
                );
                Some(OperationalError { causes: vec![cause] })
            }
        };
        let response = RegistrationResponse { reject: error.is_some(), pool_handle, pool_element_id: id, error };
        self.send(association, &AsapMessage::RegistrationResponse(response), step);
    }

    fn register(
        &mut self,
        id: AssociationId,
        pool_handle: &PoolHandle,
        mut pool_element: PoolElement,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCause> {
        let Some(association) = self.associations.get(id) else { return Err(bare(Cause::Unspecified)) };
        // RFC 5352 section 2.1: pool elements use SCTP. Without it nothing would show whose addresses are registered.
        if association.is_tcp() {
            return Err(bare(Cause::RejectedForSecurity));
        }
        self.check_values(pool_handle, &pool_element)?;
        if self.config.check_user_addresses && !keep_own_addresses(&mut pool_element.user_transport, association) {
            return Err(invalid_value(&pool_element));
        }
        pool_element.home_registrar = self.id;
        pool_element.asap_transport = Some(association.asap_transport());
        if !rsplib::is_bearable(&self.config, pool_handle, &pool_element) {
            return Err(invalid_value(&pool_element));
        }
        self.check_identity(id, association, pool_handle, &pool_element)?;

        let life = pool_element.registration_life;
        let (index, registered) = self
            .handlespace
            .register(pool_handle, &pool_element, Some(id))
            .map_err(|refusal| self.cause_of(refusal, pool_handle))?;
        self.watch(step.now, index, life);
        self.element_registered(index, registered, step);
        if registered == Registered::New {
            self.log_registration(step.now, index, id);
        }
        Ok(())
    }

    fn check_values(&self, pool_handle: &PoolHandle, pool_element: &PoolElement) -> Result<(), ErrorCause> {
        if pool_handle.as_bytes().is_empty() || pool_handle.as_bytes().len() > self.config.max_pool_handle_len {
            return Err(invalid_value(pool_handle));
        }
        let life = pool_element.registration_life;
        let life_is_valid = life == RegistrationLife::INFINITE || life.0 > 0;
        if pool_element.id == PoolElementId(0) || !life_is_valid {
            return Err(invalid_value(pool_element));
        }
        if !self.handlespace.supports(pool_element.policy.policy_type()) {
            return Err(invalid_value(&pool_element.policy));
        }
        Ok(())
    }

    /// Whether the element may be registered on this association: it is new, or was registered on the same association,
    /// or is the same element that comes back over a new association before the loss of the old one is noticed (or comes
    /// from another registrar). Any other element has no right to this identifier.
    fn check_identity(
        &self,
        id: AssociationId,
        association: &Association,
        pool_handle: &PoolHandle,
        pool_element: &PoolElement,
    ) -> Result<(), ErrorCause> {
        let known = self.handlespace.find(pool_handle, pool_element.id);
        let known = known.and_then(|index| self.handlespace.element(index));
        if known.is_some_and(|known| known.association() == Some(id)) {
            return Ok(());
        }
        if known.is_some_and(|known| !is_same_element(known, association, pool_element)) {
            return Err(bare(Cause::NonUniquePoolElementId));
        }
        if self.handlespace.count_of_association(id) >= self.config.max_elements_per_association {
            return Err(bare(Cause::LackOfResources));
        }
        Ok(())
    }

    /// The error cause of a refusal, with the information that RFC 5354 section 3.12 wants in it.
    fn cause_of(&self, refusal: Refusal, pool_handle: &PoolHandle) -> ErrorCause {
        let pool = self.handlespace.find_pool(pool_handle).and_then(|pool| self.handlespace.pool(pool));
        let (cause, info) = match refusal {
            Refusal::UnsupportedPolicy => (Cause::InvalidValues, None),
            Refusal::InconsistentPolicy => {
                (Cause::InconsistentPoolingPolicy, pool.map(|pool| encode(|w| w.parameter(pool.policy()))))
            }
            Refusal::InconsistentTransport => {
                (Cause::InconsistentTransportType, pool.map(|pool| encode(|w| pool.user_transport().encode(w))))
            }
            Refusal::InconsistentTransportUse => (Cause::InconsistentDataControl, None),
            Refusal::TooManyPools | Refusal::TooManyElements | Refusal::TooLarge => (Cause::LackOfResources, None),
        };
        ErrorCause { cause, info: info.unwrap_or_default() }
    }

    /// Starts the timers of an element that has just registered, which proves it alive.
    fn watch(&mut self, now: Time, index: ElementIndex, life: RegistrationLife) {
        self.keep_alives.clear_reports(index);
        let first_keep_alive = self.next_keep_alive(now);
        self.handlespace.update_liveness(index, |liveness| liveness.registered(life.end(now), first_keep_alive));
    }

    fn log_registration(&mut self, now: Time, index: ElementIndex, association: AssociationId) {
        let Some(element) = self.handlespace.element(index) else { return };
        let Some(pool) = self.handlespace.pool(element.pool()) else { return };
        log_limited!(
            self.logs.registrations,
            now,
            Level::Info,
            "registrar {}: {:?} is registered in pool {} at {} by {association:?}; the pool has {} elements",
            self.id,
            element.id(),
            pool.handle(),
            Place(&element.pool_element().user_transport),
            pool.len()
        );
    }
}

/// A cause without information.
fn bare(cause: Cause) -> ErrorCause {
    ErrorCause { cause, info: Vec::new() }
}

/// "Invalid values" with the parameter that has them.
fn invalid_value(parameter: &impl Parameter) -> ErrorCause {
    ErrorCause { cause: Cause::InvalidValues, info: encode(|w| w.parameter(parameter)) }
}

/// Bytes of information in an error cause at most: more is left out, the cause says enough.
const MAX_CAUSE_INFO: usize = 1024;

/// One parameter alone, without padding; empty when it is too long to be repeated.
fn encode(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = Writer::message(&mut bytes, 0, 0, "error cause", write);
    // Behind the header of the pretended message; its length field leaves the padding out.
    let length = bytes.get(2..4).map_or(0, |field| usize::from(u16::from_be_bytes([field[0], field[1]])));
    match bytes.get(4..length) {
        Some(parameter) if written.is_ok() && parameter.len() <= MAX_CAUSE_INFO => parameter.to_vec(),
        _ => Vec::new(),
    }
}

/// Leaves out the addresses that the association does not have (RFC 5352 section 2.2.1). False: it has none of them, and
/// the transport is as before.
fn keep_own_addresses(transport: &mut TransportParameter, association: &Association) -> bool {
    match transport {
        TransportParameter::Sctp { addresses, .. } => {
            let any = addresses.iter().any(|address| association.has_address(*address));
            if any {
                addresses.retain(|address| association.has_address(*address));
            }
            any
        }
        TransportParameter::Tcp { address, .. }
        | TransportParameter::Udp { address, .. }
        | TransportParameter::UdpLite { address, .. }
        | TransportParameter::Dccp { address, .. } => association.has_address(*address),
        TransportParameter::Opaque(_) => true,
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
            let ((old_port, old_addresses), (new_port, new_addresses)) = (place(old), place(new));
            old_port == new_port && old_addresses.iter().any(|address| new_addresses.contains(address))
        }
    };
    same_place || (known.association().is_none() && same_host)
}

/// Port and addresses of a transport.
fn place(transport: &TransportParameter) -> (u16, &[IpAddr]) {
    match transport {
        TransportParameter::Sctp { port, addresses, .. } => (*port, addresses),
        TransportParameter::Tcp { port, address, .. }
        | TransportParameter::Udp { port, address }
        | TransportParameter::UdpLite { port, address }
        | TransportParameter::Dccp { port, address, .. } => (*port, std::slice::from_ref(address)),
        TransportParameter::Opaque(_) => (0, &[]),
    }
}

/// Whether the element without an association of ours was registered from the host at the other end of this one.
pub(super) fn registered_from(known: &Element, association: &Association) -> bool {
    known.asap_transport().is_some_and(|transport| {
        let (_, addresses) = place(&transport);
        addresses.iter().any(|address| association.has_address(*address))
    })
}
