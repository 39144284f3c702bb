//! The contract suite of transports.

use rserpool::transport::TransportChoice;

crate::contract!(tls_over_tcp, crate::support::tls::TlsWorld::good());
crate::contract!(tls_over_sctp_in_udp, crate::support::tls::TlsWorld::registrars(super::TransportChoice::SctpUdp));
crate::contract!(
    #[ignore = "wants a kernel with SCTP: scripts/guest/test-tls"]
    tls_over_kernel_sctp,
    crate::support::tls::TlsWorld::registrars(super::TransportChoice::Sctp)
);
