//! TLS for pool users over TCP.

use super::{RegistrarSettings, StartError};
use crate::transport::tls::{Identities, OpenSsl, RegistrarNames, TlsMode, TlsTransport, tls_port};
use crate::transport::{EndpointConfig, Transport, TransportError};
use std::sync::Arc;

/// What the settings name, read and checked; none: there is no TLS.
pub(super) fn engines(settings: &RegistrarSettings) -> Result<Option<Arc<OpenSsl>>, StartError> {
    if settings.tls.mode == TlsMode::Off {
        return Ok(None);
    }
    let engines = OpenSsl::registrar(&settings.tls);
    engines
        .map(|engines| Some(Arc::new(engines)))
        .map_err(|fault| StartError { what: "TLS".into(), why: fault.to_string() })
}

/// The endpoint beside that of ASAP over TCP which `config` is for.
pub(super) fn open(
    engines: &Arc<OpenSsl>,
    config: &EndpointConfig,
    identities: Identities,
) -> Result<Box<dyn Transport>, TransportError> {
    let mut config = config.clone();
    config.bind.iter_mut().for_each(|at| at.set_port(tls_port(at.port())));
    // It never connects to a registrar.
    let mut transport = TlsTransport::over_tcp(&config, engines.clone(), Arc::new(RegistrarNames::default()))?;
    transport.tell_identities(identities);
    Ok(Box::new(transport))
}

/// One warning says what is not protected.
pub(super) fn tell(asap_port: u16) {
    log::info!("TLS for pool users over TCP: port {}", tls_port(asap_port));
    log::warn!(
        "TLS does not protect this scope: port {} is open in the clear, and so are registrations of elements, other registrars, and \
         announcements; anybody who reaches these ports can use them",
        asap_port
    );
}
