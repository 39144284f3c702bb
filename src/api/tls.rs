//! TLS with registrars, where the program or its environment asks for it. What is asked for and cannot be had is an error: nothing
//! goes in the clear in its place.

use super::{Config, Error, Result};
use crate::driver::client::Protection;
use crate::driver::environment;

#[cfg(feature = "tls")]
use super::{TlsMode, TlsSettings};
#[cfg(feature = "tls")]
use crate::driver::client::RegistrarTls;
#[cfg(feature = "tls")]
use crate::transport::tls::TLS_OPTIONS;

/// What `RSERPOOL_TLS` and the like say; nothing where the program has more rights than who started it.
#[cfg(feature = "tls")]
pub fn tls_settings_from_environment() -> Result<TlsSettings> {
    let mut settings = TlsSettings::default();
    for option in &TLS_OPTIONS {
        if let Some(value) = environment::secure(option.variable) {
            let wrong = |what| Error::with(libc::EINVAL, format!("{}: {what}", option.variable));
            let text = value.to_str().ok_or_else(|| wrong("it is not in UTF-8".to_owned()))?;
            (option.apply)(&mut settings, text).map_err(wrong)?;
        }
    }
    Ok(settings)
}

/// What the environment asks for, for the program `rserpool`.
#[doc(hidden)]
pub fn tls_from_environment() -> Result<Protection> {
    protection(&Config::default())
}

/// How registrars are reached: under TLS, or in the clear.
#[cfg(feature = "tls")]
pub(super) fn protection(config: &Config) -> Result<Protection> {
    let settings = match &config.tls {
        Some(settings) => settings.clone(),
        None => tls_settings_from_environment()?,
    };
    let wrong = |what: &str| Error::with(libc::EINVAL, format!("TLS cannot be used: {what}"));
    match settings.mode {
        TlsMode::Off => Ok(Protection::default()),
        TlsMode::On => Err(wrong("a program has it off, or requires it; \"on\" is for registrars")),
        TlsMode::Require => {
            let tls = RegistrarTls::new(&settings).map_err(|fault| wrong(&fault.to_string()))?;
            log::info!(
                "TLS: registrars are talked to under TLS only; sessions with pool elements are not protected by it"
            );
            Ok(Protection::under_tls(tls))
        }
    }
}

/// This library has no TLS, so none may be asked for.
#[cfg(not(feature = "tls"))]
pub(super) fn protection(_config: &Config) -> Result<Protection> {
    match environment::secure("RSERPOOL_TLS") {
        Some(mode) if mode != "off" => {
            Err(Error::new(libc::EPROTONOSUPPORT, "RSERPOOL_TLS asks for TLS, which this library was built without"))
        }
        _ => Ok(Protection::default()),
    }
}
