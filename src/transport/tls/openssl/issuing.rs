//! An authority and certificates for a scope, for people who have none. Texts in PEM in and out; who calls writes the files.

use super::{TlsFault, fault};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder, X509Ref};
use std::net::IpAddr;
use std::time::Duration;

/// Bits of a serial number: at most 20 bytes, and positive (RFC 5280 section 4.1.2.2).
const SERIAL_BITS: i32 = 159;

/// A certificate with its key, in PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key, without a passphrase.
    pub key: String,
}

/// From when to when a certificate is good, as times since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// From then on.
    pub from: Duration,
    /// Until then.
    pub until: Duration,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// `rserpool://SCOPE/ROLE/NAME`, which says what it may be.
    pub uri: Option<String>,
    /// Its names in DNS.
    pub dns: Vec<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// What is known of a certificate.
pub struct Described {
    /// The common name, which is for people.
    pub common_name: String,
    /// Its identity and other names.
    pub names: crate::security::CertificateNames,
    /// Until when it is good, in words.
    pub until: String,
    /// It may issue others.
    pub is_authority: bool,
}

/// A new authority of this name.
pub fn authority(name: &str, validity: Validity) -> Result<Issued, TlsFault> {
    make_authority(name, validity).map_err(|errors| fault("no authority can be made", &errors))
}

/// A certificate by this authority.
pub fn issue(authority: &Issued, subject: &Subject, validity: Validity) -> Result<Issued, TlsFault> {
    make_certificate(authority, subject, validity).map_err(|errors| fault("no certificate can be made", &errors))
}

/// What the first certificate in `pem` says.
pub fn describe(pem: &[u8]) -> Result<Described, TlsFault> {
    let certificate = X509::from_pem(pem).map_err(|errors| fault("there is no certificate in PEM", &errors))?;
    let common_name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
    let common_name = common_name.and_then(|entry| entry.data().to_string().ok());
    Ok(Described {
        common_name: common_name.unwrap_or_default(),
        names: super::names::names_of(&certificate),
        until: certificate.not_after().to_string(),
        is_authority: may_issue(&certificate),
    })
}

/// Whether it is its own issuer, as those of [`authority`] are.
fn may_issue(certificate: &X509Ref) -> bool {
    certificate.issued(certificate) == openssl::x509::X509VerifyResult::OK
}

/// Random bytes as hexadecimal digits, for a key that is shared.
pub fn random_hex(bytes: usize) -> Result<String, TlsFault> {
    let mut random = vec![0; bytes];
    openssl::rand::rand_bytes(&mut random).map_err(|errors| fault("there are no random numbers", &errors))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn make_authority(name: &str, validity: Validity) -> Result<Issued, ErrorStack> {
    let key = new_key()?;
    let name = named(name)?;
    let mut builder = begin(&name, &name, &key, validity)?;
    builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    finish(builder, &key, &key)
}

fn make_certificate(authority: &Issued, subject: &Subject, validity: Validity) -> Result<Issued, ErrorStack> {
    let issuer = X509::from_pem(authority.certificate.as_bytes())?;
    let issuers_key = PKey::private_key_from_pem(authority.key.as_bytes())?;
    let key = new_key()?;
    // For people who look at it; who verifies it looks at the other names.
    let shown = subject.uri.as_deref().or(subject.dns.first().map(String::as_str)).unwrap_or("rserpool");
    let short: String = shown.rsplit('/').next().unwrap_or(shown).chars().take(64).collect();
    let shown = named(&short)?;
    let mut builder = begin(&shown, issuer.subject_name(), &key, validity)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().client_auth().build()?)?;
    let mut names = SubjectAlternativeName::new();
    subject.uri.iter().for_each(|uri| {
        names.uri(uri);
    });
    subject.dns.iter().for_each(|name| {
        names.dns(name);
    });
    subject.addresses.iter().for_each(|address| {
        names.ip(&address.to_string());
    });
    if subject.uri.is_some() || !subject.dns.is_empty() || !subject.addresses.is_empty() {
        let names = names.build(&builder.x509v3_context(Some(&issuer), None))?;
        builder.append_extension(names)?;
    }
    let identifier = AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(&issuer), None))?;
    builder.append_extension(identifier)?;
    finish(builder, &key, &issuers_key)
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn named(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

fn begin(
    subject: &openssl::x509::X509NameRef,
    issuer: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
    validity: Validity,
) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?; // which is version 3
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    let serial: Asn1Integer = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    let time = |since_1970: Duration| Asn1Time::from_unix(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX));
    builder.set_not_before(&*time(validity.from)?)?;
    builder.set_not_after(&*time(validity.until)?)?;
    Ok(builder)
}

fn finish(mut builder: X509Builder, key: &PKey<Private>, signers: &PKey<Private>) -> Result<Issued, ErrorStack> {
    builder.sign(signers, MessageDigest::sha256())?;
    let text = |pem: Vec<u8>| String::from_utf8_lossy(&pem).into_owned();
    Ok(Issued { certificate: text(builder.build().to_pem()?), key: text(key.private_key_to_pem_pkcs8()?) })
}
