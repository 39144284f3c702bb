//! TLS by the system's OpenSSL. Nothing outside this folder names it.

mod connection;
mod context;
pub mod issuing;
mod names;

pub use context::{OpenSsl, SettingsFault};

use super::engine::TlsFault;
use openssl::error::ErrorStack;

/// What OpenSSL says of the last call that failed.
fn reason(errors: &ErrorStack) -> String {
    let reasons: Vec<&str> = errors.errors().iter().filter_map(|error| error.reason()).collect();
    // The last one is the outermost, such as "PEM lib".
    match reasons.first() {
        Some(reason) => (*reason).to_owned(),
        None => "OpenSSL does not say why".to_owned(),
    }
}

fn fault(what: &str, errors: &ErrorStack) -> TlsFault {
    TlsFault(format!("{what}: {}", reason(errors)))
}
