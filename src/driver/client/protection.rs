//! How this process talks to registrars: in the clear, or under TLS. A library without the feature `tls` has only the former, and pays
//! nothing for the choice.

use crate::association::PeerAddress;
use crate::transport::{self, EndpointConfig, Tcp, Transport, TransportChoice, TransportError};

#[cfg(feature = "tls")]
use super::registrar_tls::RegistrarTls;

/// Opens the transports, and knows which port of a registrar they are for. The default is in the clear, at the ASAP port itself.
#[derive(Clone, Default)]
pub struct Protection {
    tls: Option<RegistrarTls>,
}

/// There is no TLS, and no value of this type.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Copy)]
enum RegistrarTls {}

impl Protection {
    /// Under TLS, and nothing without it.
    #[cfg(feature = "tls")]
    pub fn under_tls(tls: RegistrarTls) -> Protection {
        Protection { tls: Some(tls) }
    }

    /// Whether it is under TLS.
    pub fn is_under_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether registrars can let this process in as a pool element: in the clear, or with something to show.
    pub fn lets_register(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.shows_something())
    }

    /// Opens TCP.
    pub fn open_tcp(&self, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match &self.tls {
            Some(tls) => tls.open_tcp(config),
            None => Ok(Box::new(Tcp::open(config)?)),
        }
    }

    /// Opens SCTP.
    pub fn open_sctp(
        &self,
        choice: TransportChoice,
        config: &EndpointConfig,
    ) -> Result<Box<dyn Transport>, TransportError> {
        match &self.tls {
            Some(tls) => tls.open_sctp(choice, config),
            None => transport::open(choice, config),
        }
    }

    /// The port to connect to at a registrar whose ASAP port is `asap`.
    pub fn port_for(&self, asap: u16) -> u16 {
        self.tls.as_ref().map_or(asap, |tls| tls.port_for(asap))
    }

    /// The ASAP port of a registrar that was connected to at `port`, or has connected from it.
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
impl RegistrarTls {
    fn open_tcp(&self, _config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
        match *self {}
    }

    fn open_sctp(
        &self,
        _choice: TransportChoice,
        _config: &EndpointConfig,
    ) -> Result<Box<dyn Transport>, TransportError> {
        match *self {}
    }

    fn shows_something(&self) -> bool {
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
