//! Chooses the transport: the kernel's SCTP where it works, else SCTP in UDP. Neither is an error.

use super::{EndpointConfig, KernelSctp, Transport, TransportChoice, TransportError};
use crate::association::TransportKind;
use std::sync::OnceLock;

/// The environment variable that overrides the choice.
const ENVIRONMENT_VARIABLE: &str = "RSERPOOL_TRANSPORT";

impl TransportChoice {
    /// What `RSERPOOL_TRANSPORT` says; [`TransportChoice::Auto`] when it is not set or empty.
    pub fn from_env() -> Result<TransportChoice, String> {
        match std::env::var_os(ENVIRONMENT_VARIABLE) {
            None => Ok(TransportChoice::Auto),
            Some(value) if value.is_empty() => Ok(TransportChoice::Auto),
            Some(value) => value.to_string_lossy().parse().map_err(|error| format!("{ENVIRONMENT_VARIABLE}: {error}")),
        }
    }
}

/// Opens an endpoint on the SCTP that `choice` asks for.
pub fn open(choice: TransportChoice, config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    match resolve(choice)? {
        TransportKind::KernelSctp => Ok(Box::new(KernelSctp::open(config)?)),
        _ => open_sctp_udp(config),
    }
}

/// The same, for TLS on it.
#[cfg(feature = "tls")]
pub(super) fn open_carrier(
    choice: TransportChoice,
    config: &EndpointConfig,
) -> Result<Box<dyn super::tls::Carrier>, TransportError> {
    match resolve(choice)? {
        TransportKind::KernelSctp => Ok(Box::new(KernelSctp::open(config)?)),
        _ => Ok(sctp_udp(config)?),
    }
}

fn open_sctp_udp(config: &EndpointConfig) -> Result<Box<dyn Transport>, TransportError> {
    Ok(sctp_udp(config)?)
}

#[cfg(feature = "sctp-udp")]
fn sctp_udp(config: &EndpointConfig) -> Result<Box<super::sctp_udp::SctpUdp>, TransportError> {
    use super::sctp_udp::{SctpUdp, SctpUdpOptions};
    // A listener's port is also the one on which programs of this host listen to announcements.
    Ok(Box::new(SctpUdp::open(config, SctpUdpOptions { share_port: config.listen, seed: None })?))
}

/// There is none, and no value of this type is ever made.
#[cfg(not(feature = "sctp-udp"))]
fn sctp_udp(_config: &EndpointConfig) -> Result<Box<KernelSctp>, TransportError> {
    log::error!("transport: SCTP in UDP is needed here, but this library was built without its feature \"sctp-udp\"");
    Err(TransportError::Unsupported("SCTP in UDP"))
}

/// The kind of transport that [`open`] gives for `choice`; fails where that does not work on this machine.
pub fn resolve(choice: TransportChoice) -> Result<TransportKind, TransportError> {
    match (choice, kernel_sctp()) {
        (TransportChoice::Auto, _) => Ok(detect()),
        (TransportChoice::SctpUdp, _) => Ok(TransportKind::SctpUdp),
        (TransportChoice::Sctp, Ok(())) => Ok(TransportKind::KernelSctp),
        (TransportChoice::Sctp, Err(reason)) => {
            log::error!("transport: kernel SCTP was asked for, but {reason}");
            Err(TransportError::Unsupported("kernel SCTP"))
        }
    }
}

/// What [`TransportChoice::Auto`] means on this machine; found out once, and said once in the log.
pub fn detect() -> TransportKind {
    static DETECTED: OnceLock<TransportKind> = OnceLock::new();
    *DETECTED.get_or_init(|| match kernel_sctp() {
        Ok(()) => {
            log::info!("transport: kernel SCTP");
            TransportKind::KernelSctp
        }
        Err(reason) => {
            log::info!("transport: SCTP in UDP ({reason})");
            TransportKind::SctpUdp
        }
    })
}

/// Whether the kernel's SCTP works, probed once; else why not.
fn kernel_sctp() -> Result<(), &'static str> {
    static PROBED: OnceLock<Result<(), String>> = OnceLock::new();
    let probed = PROBED.get_or_init(|| {
        super::kernel_sctp::probe().map_err(|error| match error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT | libc::EAFNOSUPPORT) => {
                format!("the kernel has no SCTP: {error}")
            }
            _ => format!("the kernel's SCTP does not work: {error}"),
        })
    });
    probed.as_ref().copied().map_err(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automatic_choice_always_gives_an_sctp_that_is_there() {
        let kind = resolve(TransportChoice::Auto).unwrap();
        assert!(matches!(kind, TransportKind::KernelSctp | TransportKind::SctpUdp));
        assert_eq!(kind, detect());
        assert_eq!(kind == TransportKind::KernelSctp, resolve(TransportChoice::Sctp).is_ok());
    }

    #[test]
    fn sctp_in_udp_is_chosen_even_where_the_kernel_has_sctp() {
        assert_eq!(resolve(TransportChoice::SctpUdp).unwrap(), TransportKind::SctpUdp);
    }

    #[test]
    fn an_unknown_transport_is_named_in_the_error() {
        let error = "quic\u{1b}".parse::<TransportChoice>().unwrap_err();
        assert_eq!(error, "unknown transport \"quic\\u{1b}\": use auto, sctp or sctp-udp");
    }
}
