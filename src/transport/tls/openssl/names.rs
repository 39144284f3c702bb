//! The names of a certificate.

use crate::security::CertificateNames;
use openssl::x509::X509Ref;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What its subject alternative names say.
pub(super) fn names_of(certificate: &X509Ref) -> CertificateNames {
    let mut names = CertificateNames::default();
    for name in certificate.subject_alt_names().into_iter().flatten() {
        if let Some(uri) = name.uri() {
            names.uris.push(uri.to_owned());
        } else if let Some(dns) = name.dnsname() {
            names.dns.push(dns.to_owned());
        } else if let Some(address) = name.ipaddress().and_then(address) {
            names.addresses.push(address);
        }
    }
    names
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| Ipv4Addr::from(octets).into());
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into())).ok()
}
