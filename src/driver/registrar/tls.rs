//! TLS for pool users over TCP and, where nothing may go without it, for pool elements and other registrars over SCTP.

use super::{RegistrarSettings, StartError};
use crate::transport::tls::{Counterparts, Identities, OpenSsl, TlsMode, TlsTransport};
use crate::transport::{EndpointConfig, Transport, TransportChoice, TransportError};
use crate::wire::{PPID_ASAP, PPID_ENRP};
use std::sync::Arc;

pub(super) use crate::transport::tls::{plain_port as port_in_the_clear, tls_port as port_beside};

/// What makes the endpoints under TLS.
pub(super) struct Tls {
    engines: Arc<OpenSsl>,
    mode: TlsMode,
    choice: TransportChoice,
    /// Who has proved to be whom, at all of these endpoints.
    pub(super) identities: Identities,
}

impl Tls {
    /// What the settings name, read and checked; none: there is no TLS.
    pub(super) fn of(settings: &RegistrarSettings) -> Result<Option<Tls>, StartError> {
        let mode = settings.tls.mode;
        let engines = match mode {
            TlsMode::Off => return Ok(None),
            TlsMode::On => OpenSsl::registrar(&settings.tls),
            TlsMode::Require => OpenSsl::strict_registrar(&settings.tls),
        };
        let engines = engines.map_err(|fault| StartError { what: "TLS".into(), why: fault.to_string() })?;
        let (choice, identities) = (settings.transport, Identities::default());
        Ok(Some(Tls { engines: Arc::new(engines), mode, choice, identities }))
    }

    /// The endpoint beside that of ASAP over TCP which `config` is for.
    pub(super) fn for_users(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        self.tell(TlsTransport::over_tcp(&beside(config), self.engines.clone(), Counterparts::Users)?)
    }

    /// The endpoint beside that of ASAP over SCTP.
    pub(super) fn for_elements(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        self.over_sctp(config, Counterparts::Elements, PPID_ASAP)
    }

    /// The endpoint beside that of ENRP.
    pub(super) fn for_registrars(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        self.over_sctp(config, Counterparts::Registrars, PPID_ENRP)
    }

    fn over_sctp(
        &self,
        config: &EndpointConfig,
        counterparts: Counterparts,
        ppid: u32,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let engines = self.engines.clone();
        self.tell(TlsTransport::over_sctp(self.choice, &beside(config), engines, counterparts, ppid)?)
    }

    fn tell(&self, mut transport: TlsTransport) -> Result<Box<dyn Transport>, TransportError> {
        transport.tell_identities(self.identities.clone());
        Ok(Box::new(transport))
    }

    /// Whether nothing goes without it.
    pub(super) fn is_required(&self) -> bool {
        self.mode == TlsMode::Require
    }

    /// One line says what is protected, and what is not.
    pub(super) fn tell_ports(&self, asap: u16, enrp: u16) {
        let (asap_tls, enrp_tls) = (port_beside(asap), port_beside(enrp));
        if self.is_required() {
            log::info!("TLS for pool elements and pool users: port {asap_tls}, for other registrars: port {enrp_tls}");
            log::info!(
                "TLS is required: who comes to port {asap} or {enrp} in the clear is refused; sessions of pool users with pool elements \
                 are not protected by it"
            );
        } else {
            log::info!("TLS for pool users over TCP: port {asap_tls}");
            log::warn!(
                "TLS does not protect this scope: port {asap} is open in the clear, and so are registrations of elements, other \
                 registrars, and announcements; anybody who reaches these ports can use them"
            );
        }
    }
}

fn beside(config: &EndpointConfig) -> EndpointConfig {
    let mut config = config.clone();
    config.bind.iter_mut().for_each(|at| at.set_port(port_beside(at.port())));
    config
}
