//! What protects a session and a scope: keys, seals, and what they decide. Pure: texts, bytes and times in, decisions out.

mod cookie_keys;

pub use cookie_keys::{BadCookieKeys, COOKIE_LIFETIME, COOKIE_LIFETIMES, CookieKeys, SealFault};
