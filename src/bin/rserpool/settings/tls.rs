//! The settings for TLS.

use super::{Options, Setting, Takes};
use rserpool::transport::tls::{TLS_OPTIONS, TlsMode, TlsProfile};
use std::path::{Path, PathBuf};

/// No file.
const NONE: &str = "none";

macro_rules! file {
    ($name:literal, $help:literal, $field:ident) => {
        Setting {
            name: $name,
            value: "FILE",
            help: $help,
            takes: Takes::One,
            absent: NONE,
            values: |s| path(s.registrar.tls.$field.as_deref()),
            apply: |s, v, _| {
                s.registrar.tls.$field = None::<PathBuf>;
                if v == NONE { Ok(()) } else { apply(s, $name, v) }
            },
        }
    };
}

fn path(file: Option<&Path>) -> Vec<String> {
    file.iter().map(|file| file.display().to_string()).collect()
}

fn apply(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    match TLS_OPTIONS.iter().find(|option| option.name == name) {
        Some(option) => (option.apply)(&mut options.registrar.tls, value),
        None => Err("unknown".to_owned()),
    }
}

pub const MODE: Setting = Setting {
    name: "tls",
    value: "off|on|require",
    help: "TLS at the ports after --asap and --enrp; on: for pool users only",
    takes: Takes::One,
    absent: "",
    values: |s| {
        let mode = match s.registrar.tls.mode {
            TlsMode::Off => "off",
            TlsMode::On => "on",
            TlsMode::Require => "require",
        };
        vec![mode.to_owned()]
    },
    apply: |s, v, _| apply(s, "tls", v),
};
pub const CERTIFICATE: Setting =
    file!("tls-cert", "PEM: the registrar's certificate, then those above it", certificate);
pub const KEY: Setting = file!("tls-key", "PEM: the key of that certificate", key);
pub const AUTHORITIES: Setting = file!("tls-ca", "PEM: who may issue certificates of the others", authorities);
pub const REVOKED: Setting = file!("tls-crl", "PEM: certificates that these have revoked", revoked);
pub const KEYS: Setting = file!("tls-psk-file", "pre-shared keys of the others: lines IDENTITY:HEX", pre_shared_keys);
pub const PROFILE: Setting = Setting {
    name: "tls-profile",
    value: "default|rfc5352",
    help: "rfc5352: also the old suites that this RFC demands",
    takes: Takes::One,
    absent: "",
    values: |s| {
        let profile = match s.registrar.tls.profile {
            TlsProfile::Modern => "default",
            TlsProfile::Rfc5352 => "rfc5352",
        };
        vec![profile.to_owned()]
    },
    apply: |s, v, _| apply(s, "tls-profile", v),
};
