//! Chooses the transport: the kernel's SCTP where it works, else SCTP in UDP. Neither is an error.

use super::{EndpointConfig, SctpUdp, Transport, TransportChoice, TransportError, TransportKind};
use std::io;
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
        TransportKind::KernelSctp => Ok(Box::new(super::KernelSctp::open(config)?)),
        _ => Ok(Box::new(SctpUdp::open(config)?)),
    }
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
        probe().map_err(|error| match error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT | libc::EAFNOSUPPORT) => {
                format!("the kernel has no SCTP: {error}")
            }
            _ => format!("the kernel's SCTP does not work: {error}"),
        })
    });
    probed.as_ref().copied().map_err(String::as_str)
}

/// A socket alone proves little: without a usable cookie HMAC the kernel gives one that cannot listen.
fn probe() -> io::Result<()> {
    super::kernel_sctp::probe()
}
