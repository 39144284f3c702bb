//! What protects a session and a scope: keys, seals, names, and what they decide. Pure: texts, bytes and times in, decisions out.

#[cfg(any(feature = "registrar", feature = "tls"))]
pub mod access;
#[cfg(feature = "tls")]
mod certificate_names;
#[cfg(feature = "pool-element")]
mod cookie_keys;
mod hex;
#[cfg(feature = "tls")]
mod pre_shared_keys;

#[cfg(feature = "tls")]
pub use certificate_names::{CertificateNames, ExpectedName, NameFault, Role};
#[cfg(feature = "pool-element")]
pub use cookie_keys::{BadCookieKeys, COOKIE_LIFETIME, COOKIE_LIFETIMES, CookieKeys, SealFault};
#[cfg(feature = "tls")]
pub use pre_shared_keys::{BadPreSharedKeys, PreSharedKeys};
