//! How a side wants its TLS connections: the options `--tls...` of the registrar, and `-tls...=` and `RSERPOOL_TLS...` of programs.

use std::path::PathBuf;
use std::str::FromStr;

/// Whether there is TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// No.
    #[default]
    Off,
    /// Where the other side uses it, and in the clear where it does not.
    On,
    /// Nothing goes without.
    Require,
}

impl FromStr for TlsMode {
    type Err = String;
    fn from_str(text: &str) -> Result<TlsMode, String> {
        match text {
            "off" => Ok(TlsMode::Off),
            "on" => Ok(TlsMode::On),
            "require" => Ok(TlsMode::Require),
            other => Err(format!("unknown mode \"{}\": use off, on or require", other.escape_debug())),
        }
    }
}

/// Which versions and suites are offered and taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsProfile {
    /// TLS 1.3, and 1.2 with keys for one connection only.
    #[default]
    Modern,
    /// Beside these what RFC 5352 section 9.2 demands: TLS_RSA_WITH_AES_128_CBC_SHA, and the suites of pre-shared keys.
    Rfc5352,
}

impl FromStr for TlsProfile {
    type Err = String;
    fn from_str(text: &str) -> Result<TlsProfile, String> {
        match text {
            "default" => Ok(TlsProfile::Modern),
            "rfc5352" => Ok(TlsProfile::Rfc5352),
            other => Err(format!("unknown profile \"{}\": use default or rfc5352", other.escape_debug())),
        }
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Whether there is TLS.
    pub mode: TlsMode,
    /// PEM file: this side's certificate, then those between it and the authority.
    pub certificate: Option<PathBuf>,
    /// PEM file: the key of that certificate.
    pub key: Option<PathBuf>,
    /// PEM file: the authorities that this side believes.
    pub authorities: Option<PathBuf>,
    /// PEM file: what these have revoked.
    pub revoked: Option<PathBuf>,
    /// Pre-shared keys, a line `IDENTITY:HEX` each; a program shows the first one.
    pub pre_shared_keys: Option<PathBuf>,
    /// The name in DNS that the certificate of each registrar has, wherever it is.
    pub name: Option<String>,
    /// Versions and suites.
    pub profile: TlsProfile,
}

/// An option as it is called on the command line.
pub struct TlsOption {
    /// Without dashes.
    pub name: &'static str,
    /// Of the environment.
    pub variable: &'static str,
    /// Sets it.
    pub apply: fn(&mut TlsSettings, &str) -> Result<(), String>,
}

/// All of them.
pub const TLS_OPTIONS: [TlsOption; 8] = [
    TlsOption { name: "tls", variable: "RSERPOOL_TLS", apply: |s, v| v.parse().map(|mode| s.mode = mode) },
    TlsOption { name: "tls-cert", variable: "RSERPOOL_TLS_CERT", apply: |s, v| file(v).map(|f| s.certificate = f) },
    TlsOption { name: "tls-key", variable: "RSERPOOL_TLS_KEY", apply: |s, v| file(v).map(|f| s.key = f) },
    TlsOption { name: "tls-ca", variable: "RSERPOOL_TLS_CA", apply: |s, v| file(v).map(|f| s.authorities = f) },
    TlsOption { name: "tls-crl", variable: "RSERPOOL_TLS_CRL", apply: |s, v| file(v).map(|f| s.revoked = f) },
    TlsOption {
        name: "tls-psk-file",
        variable: "RSERPOOL_TLS_PSK_FILE",
        apply: |s, v| file(v).map(|f| s.pre_shared_keys = f),
    },
    TlsOption { name: "tls-name", variable: "RSERPOOL_TLS_NAME", apply: |s, v| name(v).map(|n| s.name = Some(n)) },
    TlsOption {
        name: "tls-profile",
        variable: "RSERPOOL_TLS_PROFILE",
        apply: |s, v| v.parse().map(|profile| s.profile = profile),
    },
];

fn file(text: &str) -> Result<Option<PathBuf>, String> {
    if text.is_empty() { Err("the name of a file is missing".to_owned()) } else { Ok(Some(PathBuf::from(text))) }
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('*') || !text.is_ascii() {
        return Err(format!("\"{}\" is no name in DNS; IDN have A-labels (xn--...)", text.escape_debug()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_set_by_their_names_and_bad_values_named() {
        let mut settings = TlsSettings::default();
        let mut set = |name: &str, value: &str| {
            let option = TLS_OPTIONS.iter().find(|option| option.name == name).expect("an option");
            (option.apply)(&mut settings, value)
        };
        assert_eq!(set("tls", "require"), Ok(()));
        assert_eq!(set("tls-psk-file", "/etc/keys"), Ok(()));
        for (option, value, why) in [
            ("tls", "yes", "unknown mode \"yes\""),
            ("tls-cert", "", "the name of a file is missing"),
            ("tls-name", "*.example.net", "\"*.example.net\" is no name in DNS"),
            ("tls-name", "b\u{fc}cher.example", "\"b\u{fc}cher.example\" is no name in DNS"),
            ("tls-profile", "weak", "unknown profile \"weak\""),
        ] {
            assert!(set(option, value).expect_err(value).starts_with(why), "{option} {value}");
        }
        assert_eq!((settings.mode, settings.pre_shared_keys), (TlsMode::Require, Some("/etc/keys".into())));
    }

    #[test]
    fn variables_are_called_as_the_options() {
        for option in &TLS_OPTIONS {
            assert_eq!(option.variable, format!("RSERPOOL_{}", option.name.to_uppercase().replace('-', "_")));
        }
    }
}
