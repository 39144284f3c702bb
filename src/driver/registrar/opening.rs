//! What a registrar opens: ASAP over SCTP and over TCP under the same port number, ENRP over SCTP, and beside these, at the next port, what
//! is under TLS.

use super::endpoints::{
    ASAP_SCTP, ASAP_SCTP_TLS, ASAP_TCP, ASAP_TLS, ENRP_SCTP, ENRP_SCTP_TLS, MAX_SEND_QUEUE, listed, port_of, with_port,
};
use super::tls::Tls;
use super::{RegistrarSettings, StartError};
use crate::transport::{self, EndpointConfig, PeerAddresses, Tcp, Transport, TransportError};
use std::net::SocketAddr;

/// Tries to find ports that are free for all that is to be there, when the system may choose.
const PORT_ATTEMPTS: usize = 16;
/// Longest message taken: ASAP and ENRP messages have 16-bit lengths.
const MAX_MESSAGE_SIZE: usize = 64 << 10;

/// Everything that is open.
pub(super) struct Opened {
    pub sctp: Box<dyn Transport>,
    pub tcp: Box<dyn Transport>,
    pub enrp: Box<dyn Transport>,
    /// TLS over TCP.
    pub users_tls: Option<Box<dyn Transport>>,
    pub required: Option<Required>,
}

/// TLS over SCTP, where nothing goes without it.
pub(super) struct Required {
    pub elements: Box<dyn Transport>,
    pub registrars: Box<dyn Transport>,
}

/// Opens it.
pub(super) fn open(settings: &RegistrarSettings, tls: Option<&Tls>) -> Result<Opened, StartError> {
    // Said once, not at each attempt.
    transport::resolve(settings.transport).map_err(|error| refused("ASAP endpoint", &settings.asap, "SCTP", &error))?;
    let attempts = |at: &[SocketAddr]| if port_of(at) == 0 { PORT_ATTEMPTS } else { 1 };
    let asap = first_that_works(attempts(&settings.asap), || open_asap(settings, tls))?;
    let enrp = first_that_works(attempts(&settings.enrp), || open_enrp(settings, tls))?;
    let required = match (asap.elements_tls, enrp.registrars_tls) {
        (Some(elements), Some(registrars)) => Some(Required { elements, registrars }),
        _ => None,
    };
    Ok(Opened { sctp: asap.sctp, tcp: asap.tcp, enrp: enrp.sctp, users_tls: asap.users_tls, required })
}

fn first_that_works<T>(attempts: usize, open: impl Fn() -> Result<T, StartError>) -> Result<T, StartError> {
    let mut result = open();
    for _ in 1..attempts {
        if result.is_ok() {
            break;
        }
        result = open();
    }
    result
}

/// Where elements and users connect.
struct Asap {
    sctp: Box<dyn Transport>,
    tcp: Box<dyn Transport>,
    users_tls: Option<Box<dyn Transport>>,
    elements_tls: Option<Box<dyn Transport>>,
}

fn open_asap(settings: &RegistrarSettings, tls: Option<&Tls>) -> Result<Asap, StartError> {
    let sctp = open_sctp(settings, ASAP_SCTP, &settings.asap)
        .map_err(|error| refused("ASAP endpoint", &settings.asap, "SCTP", &error))?;
    let at = with_port(&settings.asap, sctp.local_port());
    let tcp = Tcp::open(&endpoint_config(settings, ASAP_TCP, &at))
        .map_err(|error| refused("ASAP endpoint", &at, "TCP", &error))?;
    let users_tls = tls.map(|tls| tls.for_users(&endpoint_config(settings, ASAP_TLS, &at))).transpose();
    let users_tls = users_tls.map_err(|error| refused("ASAP endpoint beside", &at, "TLS", &error))?;
    let required = tls.filter(|tls| tls.is_required());
    let elements_tls = required.map(|tls| tls.for_elements(&endpoint_config(settings, ASAP_SCTP_TLS, &at))).transpose();
    let elements_tls = elements_tls.map_err(|error| refused("ASAP endpoint beside", &at, "TLS over SCTP", &error))?;
    Ok(Asap { sctp, tcp: Box::new(tcp), users_tls, elements_tls })
}

/// Where other registrars connect.
struct Enrp {
    sctp: Box<dyn Transport>,
    registrars_tls: Option<Box<dyn Transport>>,
}

fn open_enrp(settings: &RegistrarSettings, tls: Option<&Tls>) -> Result<Enrp, StartError> {
    let sctp = open_sctp(settings, ENRP_SCTP, &settings.enrp)
        .map_err(|error| refused("ENRP endpoint", &settings.enrp, "SCTP", &error))?;
    let at = with_port(&settings.enrp, sctp.local_port());
    let required = tls.filter(|tls| tls.is_required());
    let beside = required.map(|tls| tls.for_registrars(&endpoint_config(settings, ENRP_SCTP_TLS, &at))).transpose();
    let registrars_tls = beside.map_err(|error| refused("ENRP endpoint beside", &at, "TLS over SCTP", &error))?;
    Ok(Enrp { sctp, registrars_tls })
}

fn open_sctp(
    settings: &RegistrarSettings,
    number: u16,
    at: &[SocketAddr],
) -> Result<Box<dyn Transport>, TransportError> {
    transport::open(settings.transport, &endpoint_config(settings, number, at))
}

fn endpoint_config(settings: &RegistrarSettings, transport_number: u16, bind: &[SocketAddr]) -> EndpointConfig {
    EndpointConfig {
        transport_number,
        bind: bind.to_vec(),
        listen: true,
        // The core refuses earlier and says so to the peer; this bound is for what is still being set up.
        max_associations: settings.core.max_associations.saturating_add(settings.core.max_associations / 8 + 16),
        max_send_queue: MAX_SEND_QUEUE,
        max_message_size: MAX_MESSAGE_SIZE,
        // A user that misses an answer asks again, and one that misses an update learns it from the next one.
        report_undelivered: false,
        // Whoever lists the address of another one must not get what is meant for that.
        peer_addresses: PeerAddresses::Confirmed,
        parameters: match transport_number {
            ENRP_SCTP | ENRP_SCTP_TLS => settings.enrp_sctp,
            _ => settings.sctp,
        },
    }
}

fn refused(what: &str, at: &[SocketAddr], how: &str, error: &TransportError) -> StartError {
    StartError { what: format!("{what} {} over {how}", listed(at)), why: error.to_string() }
}
