//! Contexts of OpenSSL by the settings of a side. What cannot be read or does not fit is an error that names the file.

use super::super::counterpart::Counterpart;
use super::super::engine::{Engine, Engines, TlsFault};
use super::super::settings::{TlsProfile, TlsSettings};
use super::connection::Connection;
use super::{fault, reason};
use crate::security::{ExpectedName, PreSharedKeys, Role};
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslMode, SslOptions, SslRef, SslSessionCacheMode,
    SslVerifyMode, SslVersion,
};
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509VerifyResult};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Suites of TLS 1.2 whose keys are for one connection only. Those of TLS 1.3 are all of that kind.
const MODERN: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:\
                      ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
                      ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256";
/// Suites of TLS 1.3 whose hash is that of pre-shared keys (RFC 8446 section 4.2.11): with another one, a server that has a certificate as
/// well would show that.
const WITH_PRE_SHARED_KEYS: &str = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
/// What RFC 5352 section 9.2 and RFC 4279 add: keys of old connections can be read by who has the private key later.
const RFC5352: &str = "AES128-SHA:PSK-AES128-CBC-SHA:PSK-AES256-CBC-SHA:PSK-AES128-CBC-SHA256:PSK-AES128-GCM-SHA256";

/// TLS by OpenSSL, with the files that the settings name.
pub struct OpenSsl {
    server: SslContext,
    client: SslContext,
    identity: Index<Ssl, KeyOf>,
    /// Who connects has to show what is good where it shows something: there are authorities to judge by.
    judges: bool,
}

/// What a connection has to do with pre-shared keys.
#[derive(Default)]
pub(super) struct KeyOf {
    /// The role that a peer's identity has to say; none: any will do.
    pub role: Option<Role>,
    /// The identity that was shown, whose key counts if the connection is made with it.
    pub shown: Option<String>,
}

/// Settings by which there is no TLS, with the file that is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault(pub String);

impl OpenSsl {
    /// For who is connected to: it has a certificate or pre-shared keys.
    pub fn registrar(settings: &TlsSettings) -> Result<OpenSsl, SettingsFault> {
        if settings.certificate.is_none() && settings.pre_shared_keys.is_none() {
            return Err(SettingsFault(
                "a registrar needs a certificate with its key (tls-cert, tls-key) or pre-shared keys (tls-psk-file)"
                    .into(),
            ));
        }
        OpenSsl::new(settings)
    }

    /// The same, where everybody but pool users has to prove who it is.
    pub fn strict_registrar(settings: &TlsSettings) -> Result<OpenSsl, SettingsFault> {
        if settings.pre_shared_keys.is_none() && (settings.certificate.is_none() || settings.authorities.is_none()) {
            return Err(SettingsFault(
                "to require TLS, a registrar needs the authority of the others' certificates (tls-ca) beside its own certificate \
                 (tls-cert, tls-key), or pre-shared keys (tls-psk-file)"
                    .into(),
            ));
        }
        OpenSsl::registrar(settings)
    }

    /// For who connects: it knows registrars by an authority or a pre-shared key.
    pub fn program(settings: &TlsSettings) -> Result<OpenSsl, SettingsFault> {
        if settings.authorities.is_none() && settings.pre_shared_keys.is_none() {
            return Err(SettingsFault(
                "a program knows registrars by the authority of their certificates (tls-ca) or a pre-shared key (tls-psk-file)"
                    .into(),
            ));
        }
        OpenSsl::new(settings)
    }

    fn new(settings: &TlsSettings) -> Result<OpenSsl, SettingsFault> {
        let internal = |errors: ErrorStack| SettingsFault(format!("OpenSSL cannot be set up: {}", reason(&errors)));
        let identity = Ssl::new_ex_index().map_err(internal)?;
        let keys = settings.pre_shared_keys.as_deref().map(pre_shared_keys).transpose()?.map(Arc::new);
        let mut server = context(settings)?;
        // A pre-shared key counts as a session that is resumed, for which OpenSSL wants this where it verifies certificates, too.
        server.set_session_id_context(b"rserpool").map_err(internal)?;
        let mut client = context(settings)?;
        if let Some(keys) = keys {
            let known = Arc::clone(&keys);
            server.set_psk_server_callback(move |ssl, shown, key| Ok(show_key(&known, ssl, identity, shown, key)));
            client.set_psk_client_callback(move |ssl, _, own, key| Ok(own_key(&keys, ssl, identity, own, key)));
        }
        let judges = settings.authorities.is_some();
        Ok(OpenSsl { server: server.build(), client: client.build(), identity, judges })
    }
}

impl Engines for OpenSsl {
    fn server(&self, wanted: Counterpart) -> Result<Box<dyn Engine>, TlsFault> {
        let mut ssl = Ssl::new(&self.server).map_err(|errors| fault("no connection", &errors))?;
        ssl.set_accept_state();
        // A user without a certificate is let in; what it shows has to be good. Everybody else shows one, or has a pre-shared key.
        let mode = match wanted.may_be_nobody() {
            true if self.judges => SslVerifyMode::PEER,
            true => SslVerifyMode::NONE,
            false => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
        };
        Ok(Box::new(Connection::new(ssl, self.identity, wanted, mode)?))
    }

    fn client(&self, wanted: Counterpart) -> Result<Box<dyn Engine>, TlsFault> {
        let mut ssl = Ssl::new(&self.client).map_err(|errors| fault("no connection", &errors))?;
        ssl.set_connect_state();
        if let Counterpart::NamedRegistrar(expected) = &wanted {
            if let Some(ExpectedName::Dns(name)) = expected.first() {
                ssl.set_hostname(name).map_err(|errors| fault("the registrar's name cannot be used", &errors))?;
            }
        }
        Ok(Box::new(Connection::new(ssl, self.identity, wanted, SslVerifyMode::PEER)?))
    }
}

/// What both sides have.
fn context(settings: &TlsSettings) -> Result<SslContextBuilder, SettingsFault> {
    let internal = |errors: ErrorStack| SettingsFault(format!("OpenSSL cannot be set up: {}", reason(&errors)));
    let mut context = SslContextBuilder::new(SslMethod::tls()).map_err(internal)?;
    context.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(internal)?;
    context.set_options(SslOptions::NO_COMPRESSION | SslOptions::NO_RENEGOTIATION | SslOptions::NO_TICKET);
    context.set_mode(SslMode::RELEASE_BUFFERS);
    // Nothing is resumed: who comes again shows again who it is.
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_num_tickets(0).map_err(internal)?;
    let suites = match settings.profile {
        TlsProfile::Modern => MODERN.to_owned(),
        TlsProfile::Rfc5352 => format!("{MODERN}:{RFC5352}"),
    };
    context.set_cipher_list(&suites).map_err(internal)?;
    if settings.pre_shared_keys.is_some() {
        context.set_ciphersuites(WITH_PRE_SHARED_KEYS).map_err(internal)?;
    }
    trust(&mut context, settings)?;
    match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => show_certificate(&mut context, certificate, key)?,
        (None, None) => {}
        (Some(_), None) => return Err(SettingsFault("a certificate (tls-cert) needs its key (tls-key)".into())),
        (None, Some(_)) => return Err(SettingsFault("a key (tls-key) needs its certificate (tls-cert)".into())),
    }
    Ok(context)
}

/// The authorities to believe, and none beside them: not those of the system.
fn trust(context: &mut SslContextBuilder, settings: &TlsSettings) -> Result<(), SettingsFault> {
    let internal = |errors: ErrorStack| SettingsFault(format!("OpenSSL cannot be set up: {}", reason(&errors)));
    let mut store = X509StoreBuilder::new().map_err(internal)?;
    if let Some(path) = &settings.authorities {
        for authority in certificates(path)? {
            context.add_client_ca(&authority).map_err(internal)?;
            store.add_cert(authority).map_err(|errors| bad(path, &errors))?;
        }
    }
    if let Some(path) = &settings.revoked {
        read(path)?; // which says why it cannot be read
        let usable = path.to_str().filter(|text| !text.contains('\0'));
        let usable = usable.ok_or_else(|| SettingsFault(format!("{path:?}: the name of this file is not in UTF-8")))?;
        let lookup = store.add_lookup(X509Lookup::file()).map_err(internal)?;
        lookup.load_crl_file(usable, SslFiletype::PEM).map_err(|errors| bad(path, &errors))?;
        store.set_flags(X509VerifyFlags::CRL_CHECK).map_err(internal)?;
    }
    context.set_cert_store(store.build());
    Ok(())
}

fn show_certificate(context: &mut SslContextBuilder, path: &Path, key_path: &Path) -> Result<(), SettingsFault> {
    let mut chain = certificates(path)?.into_iter();
    let Some(own) = chain.next() else { return Err(SettingsFault(format!("{}: no certificate", path.display()))) };
    context.set_certificate(&own).map_err(|errors| bad(path, &errors))?;
    for above in chain {
        context.add_extra_chain_cert(above).map_err(|errors| bad(path, &errors))?;
    }
    let key = private_key(key_path)?;
    let mismatch = |_| SettingsFault(format!("{} is not the key of {}", key_path.display(), path.display()));
    let fits = own.public_key().is_ok_and(|public| public.public_eq(&key));
    if !fits {
        return Err(mismatch(()));
    }
    context.set_private_key(&key).map_err(|errors| bad(key_path, &errors))
}

fn certificates(path: &Path) -> Result<Vec<X509>, SettingsFault> {
    let all = X509::stack_from_pem(&read(path)?).map_err(|errors| bad(path, &errors))?;
    if all.is_empty() { Err(SettingsFault(format!("{}: no certificate in PEM", path.display()))) } else { Ok(all) }
}

/// One with a passphrase cannot be read: nobody is there to type it.
fn private_key(path: &Path) -> Result<PKey<Private>, SettingsFault> {
    let pem = read(path)?;
    let without = "no private key in PEM without a passphrase";
    PKey::private_key_from_pem_callback(&pem, |_| Ok(0))
        .map_err(|errors| SettingsFault(format!("{}: {without}: {}", path.display(), reason(&errors))))
}

fn pre_shared_keys(path: &Path) -> Result<PreSharedKeys, SettingsFault> {
    let text = String::from_utf8(read(path)?).map_err(|_| SettingsFault(format!("{}: no text", path.display())))?;
    PreSharedKeys::parse(&text).map_err(|error| SettingsFault(format!("{}, {error}", path.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, SettingsFault> {
    std::fs::read(path).map_err(|error| SettingsFault(format!("{} cannot be read: {error}", path.display())))
}

fn bad(path: &Path, errors: &ErrorStack) -> SettingsFault {
    SettingsFault(format!("{}: {}", path.display(), reason(errors)))
}

/// The key of a peer that shows an identity; 0 bytes: nobody has it, or nobody who may be there.
fn show_key(
    keys: &PreSharedKeys,
    ssl: &mut SslRef,
    index: Index<Ssl, KeyOf>,
    shown: Option<&[u8]>,
    room: &mut [u8],
) -> usize {
    let Some((shown, key)) = shown.and_then(|shown| Some((shown, keys.of(shown)?))) else { return 0 };
    let shown = String::from_utf8_lossy(shown).into_owned();
    let Some(known) = ssl.ex_data_mut(index).filter(|known| known.role.is_none_or(|role| role.is_of(&shown))) else {
        return 0;
    };
    let Some(room) = room.get_mut(..key.len()) else { return 0 };
    room.copy_from_slice(key);
    known.shown = Some(shown);
    key.len()
}

/// The identity, which ends with a zero byte, and the key that this side shows; 0 bytes: none.
fn own_key(
    keys: &PreSharedKeys,
    ssl: &mut SslRef,
    index: Index<Ssl, KeyOf>,
    identity: &mut [u8],
    room: &mut [u8],
) -> usize {
    let Some(known) = ssl.ex_data_mut(index) else { return 0 };
    let own = known.role.map_or_else(|| keys.own(), |role| keys.own_as(role));
    let Some((own, key)) = own else { return 0 };
    let (Some(identity), Some(room)) = (identity.get_mut(..=own.len()), room.get_mut(..key.len())) else { return 0 };
    let (name, end) = identity.split_at_mut(own.len());
    name.copy_from_slice(own.as_bytes());
    end.fill(0);
    room.copy_from_slice(key);
    known.shown = Some(own.to_owned());
    key.len()
}

/// The verdict of OpenSSL on a certificate whose names are not those expected.
pub(super) fn wrong_name() -> X509VerifyResult {
    // X509_V_ERR_HOSTNAME_MISMATCH
    // SAFETY: 62 is one of the codes of X509_verify_cert_error_string(3).
    unsafe { X509VerifyResult::from_raw(62) }
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsFault {}
