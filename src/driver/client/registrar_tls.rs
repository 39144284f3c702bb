//! TLS towards registrars, over TCP.

use crate::association::PeerAddress;
use crate::transport::tls::{OpenSsl, RegistrarNames, SettingsFault, TlsSettings, TlsTransport, asap_port, tls_port};
use crate::transport::{EndpointConfig, Transport, TransportError};
use std::sync::Arc;

/// Under TLS, at the port beside the ASAP port.
#[derive(Clone)]
pub struct TlsTcp {
    engines: Arc<OpenSsl>,
    names: Arc<RegistrarNames>,
}

impl TlsTcp {
    /// With these files; an error says which one cannot be used, and why.
    pub fn new(settings: &TlsSettings) -> Result<TlsTcp, SettingsFault> {
        let engines = Arc::new(OpenSsl::program(settings)?);
        Ok(TlsTcp { engines, names: Arc::new(RegistrarNames::new(settings.name.clone())) })
    }

    pub(super) fn open(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        let (engines, names) = (Arc::clone(&self.engines), Arc::clone(&self.names));
        Ok(Box::new(TlsTransport::over_tcp(config, engines, names)?))
    }

    pub(super) fn port_for(&self, asap: u16) -> u16 {
        tls_port(asap)
    }

    pub(super) fn asap_port_of(&self, port: u16) -> u16 {
        asap_port(port)
    }

    pub(super) fn looked_up(&self, name: &str, addresses: &[PeerAddress]) {
        self.names.set(name, addresses);
    }
}
