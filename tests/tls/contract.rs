//! The contract suite of transports.

crate::contract!(tls_over_tcp, crate::support::tls::TlsWorld::good());
