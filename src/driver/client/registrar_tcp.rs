//! How this process talks to registrars over TCP: in the clear, or under TLS. A library without the feature `tls` has only the
//! former, and pays nothing for the choice.

use crate::association::PeerAddress;
use crate::transport::{EndpointConfig, Tcp, Transport, TransportError};

#[cfg(feature = "tls")]
use super::registrar_tls::TlsTcp;

/// Opens the transport, and knows which port of a registrar it is for. The default is in the clear, at the ASAP port itself.
#[derive(Clone, Default)]
pub struct RegistrarTcp {
    tls: Option<TlsTcp>,
}

/// There is no TLS, and no value of this type.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Copy)]
enum TlsTcp {}

impl RegistrarTcp {
    /// Under TLS, and nothing without it.
    #[cfg(feature = "tls")]
    pub fn under_tls(tls: TlsTcp) -> RegistrarTcp {
        RegistrarTcp { tls: Some(tls) }
    }

    /// Whether it is under TLS.
    pub fn is_under_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens it.
    pub fn open(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match &self.tls {
            Some(tls) => tls.open(config),
            None => Ok(Box::new(Tcp::open(config)?)),
        }
    }

    /// The port to connect to at a registrar whose ASAP port is `asap`.
    pub fn port_for(&self, asap: u16) -> u16 {
        self.tls.as_ref().map_or(asap, |tls| tls.port_for(asap))
    }

    /// The ASAP port of a registrar that was connected to at `port`.
    pub fn asap_port_of(&self, port: u16) -> u16 {
        self.tls.as_ref().map_or(port, |tls| tls.asap_port_of(port))
    }

    /// A registrar's name was looked up; `certified` tells what its certificate has to be for.
    pub fn looked_up<'n>(&self, certified: impl FnOnce() -> &'n str, addresses: &[PeerAddress]) {
        if let Some(tls) = &self.tls {
            tls.looked_up(certified(), addresses);
        }
    }
}

#[cfg(not(feature = "tls"))]
impl TlsTcp {
    fn open(&self, _config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match *self {}
    }

    fn port_for(&self, _asap: u16) -> u16 {
        match *self {}
    }

    fn asap_port_of(&self, _port: u16) -> u16 {
        match *self {}
    }

    fn looked_up(&self, _name: &str, _addresses: &[PeerAddress]) {
        match *self {}
    }
}
