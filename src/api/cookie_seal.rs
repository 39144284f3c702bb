//! Keys for the cookies that a server gives, from the environment.

use super::{Error, Result};
use crate::driver::client::{CookieMaker, CookieSeal};
use crate::driver::environment;
use crate::security::{COOKIE_LIFETIME, COOKIE_LIFETIMES, CookieKeys};
use std::sync::Arc;
use std::time::Duration;

/// "NUMBER:HEX", and another one while keys are changed: the servers of a pool share them.
const KEYS: &str = "RSERPOOL_COOKIE_KEYS";
/// How long a sealed cookie holds, in seconds.
const LIFETIME: &str = "RSERPOOL_COOKIE_LIFETIME";

/// What seals cookies, where there are keys. Keys that cannot be used are an error: cookies would go without a seal.
pub(super) fn from_environment() -> Result<Option<Arc<dyn CookieMaker>>> {
    let Some(keys) = text(KEYS) else { return Ok(None) };
    let lifetime = text(LIFETIME).map_or(Ok(COOKIE_LIFETIME), |text| lifetime(&text))?;
    let keys = CookieKeys::parse(&keys, lifetime).map_err(|bad| invalid(KEYS, &bad.to_string()))?;
    Ok(Some(Arc::new(CookieSeal::new(keys))))
}

fn text(name: &str) -> Option<String> {
    environment::secure(name).map(|value| value.to_string_lossy().into_owned())
}

fn lifetime(text: &str) -> Result<Duration> {
    let lifetime = text.parse().ok().map(Duration::from_secs).filter(|lifetime| COOKIE_LIFETIMES.contains(lifetime));
    lifetime.ok_or_else(|| {
        let (least, most) = (COOKIE_LIFETIMES.start().as_secs(), COOKIE_LIFETIMES.end().as_secs());
        invalid(LIFETIME, &format!("\"{}\" is no number of seconds from {least} to {most}", text.escape_debug()))
    })
}

fn invalid(variable: &str, what: &str) -> Error {
    Error::with(libc::EINVAL, format!("{variable}: {what}"))
}
