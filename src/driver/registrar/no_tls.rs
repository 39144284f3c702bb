//! A registrar that was built without TLS has none.

use super::{RegistrarSettings, StartError};
use crate::transport::{EndpointConfig, Transport, TransportError};

/// There is no value of this type.
pub(super) enum Tls {}

impl Tls {
    pub(super) fn of(_settings: &RegistrarSettings) -> Result<Option<Tls>, StartError> {
        Ok(None)
    }

    pub(super) fn for_users(&self, _config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match *self {}
    }

    pub(super) fn for_elements(&self, _config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match *self {}
    }

    pub(super) fn for_registrars(&self, _config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match *self {}
    }

    pub(super) fn is_required(&self) -> bool {
        match *self {}
    }

    pub(super) fn tell_ports(&self, _asap: u16, _enrp: u16) {
        match *self {}
    }
}

/// Never asked.
pub(super) fn port_beside(port: u16) -> u16 {
    port
}

/// Never asked.
pub(super) fn port_in_the_clear(port: u16) -> u16 {
    port
}
