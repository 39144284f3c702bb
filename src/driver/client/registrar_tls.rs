//! TLS towards registrars, over TCP and SCTP.

use crate::association::PeerAddress;
use crate::transport::tls::{
    Counterparts, OpenSsl, RegistrarNames, SettingsFault, TlsSettings, TlsTransport, plain_port, tls_port,
};
use crate::transport::{EndpointConfig, Transport, TransportChoice, TransportError};
use crate::wire::PPID_ASAP;
use std::sync::Arc;

/// Under TLS, at the port beside the ASAP port.
#[derive(Clone)]
pub struct RegistrarTls {
    engines: Arc<OpenSsl>,
    names: Arc<RegistrarNames>,
    /// This side has something to show to registrars, without which they let no element in.
    shows: bool,
}

impl RegistrarTls {
    /// With these files; an error says which one cannot be used, and why.
    pub fn new(settings: &TlsSettings) -> Result<RegistrarTls, SettingsFault> {
        let engines = Arc::new(OpenSsl::program(settings)?);
        let shows = settings.certificate.is_some() || settings.pre_shared_keys.is_some();
        Ok(RegistrarTls { engines, names: Arc::new(RegistrarNames::new(settings.name.clone())), shows })
    }

    pub(super) fn open_tcp(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(TlsTransport::over_tcp(config, self.engines.clone(), self.registrars())?))
    }

    pub(super) fn open_sctp(
        &self,
        choice: TransportChoice,
        config: &EndpointConfig,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let transport = TlsTransport::over_sctp(choice, config, self.engines.clone(), self.registrars(), PPID_ASAP)?;
        Ok(Box::new(transport))
    }

    fn registrars(&self) -> Counterparts {
        Counterparts::RegistrarsOfProgram(Arc::clone(&self.names))
    }

    pub(super) fn shows_something(&self) -> bool {
        self.shows
    }

    pub(super) fn port_for(&self, asap: u16) -> u16 {
        tls_port(asap)
    }

    pub(super) fn asap_port_of(&self, port: u16) -> u16 {
        plain_port(port)
    }

    pub(super) fn looked_up(&self, name: &str, addresses: &[PeerAddress]) {
        self.names.set(name, addresses);
    }
}
