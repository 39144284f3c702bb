//! The ASAP control channel between pool user and pool element.

use super::{MAX_COOKIE_LEN, MAX_PREFERRED_ELEMENTS};
use crate::PoolHandle;
use crate::message::AsapMessage;
use crate::message::asap::{BusinessCard, Cookie, CookieEcho, Error};
use crate::wire::{EncodeError, OperationalError, PoolElement};

/// A message of the control channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlMessage {
    /// ASAP_COOKIE.
    Cookie(Vec<u8>),
    /// ASAP_COOKIE_ECHO.
    CookieEcho(Vec<u8>),
    /// ASAP_BUSINESS_CARD.
    BusinessCard {
        /// The pool to fail over to.
        pool_handle: PoolHandle,
        /// In the order to prefer.
        pool_elements: Vec<PoolElement>,
    },
    /// ASAP_ERROR: the peer could not make sense of something we sent.
    Error(OperationalError),
    /// A message that has no business on a control channel, or bytes that are no message: the ASAP_ERROR to answer with,
    /// where one is due, and what to log.
    Unusable {
        /// An encoded ASAP_ERROR.
        answer: Option<Vec<u8>>,
        /// What is wrong.
        what: String,
    },
}

/// Decodes a message of the control channel. Never fails: what cannot be used says how to deal with it.
pub fn parse_control(bytes: &[u8]) -> ControlMessage {
    let message = match AsapMessage::decode(bytes) {
        Ok(decoded) => decoded.message,
        Err(undecodable) => {
            let answer = undecodable.report.as_ref().and_then(|cause| {
                let error = Error { error: OperationalError { causes: vec![cause.clone()] } };
                encode(&AsapMessage::Error(error)).ok()
            });
            return ControlMessage::Unusable { answer, what: undecodable.to_string() };
        }
    };
    match message {
        AsapMessage::Cookie(cookie) => ControlMessage::Cookie(cookie.cookie),
        AsapMessage::CookieEcho(echo) => ControlMessage::CookieEcho(echo.cookie),
        AsapMessage::BusinessCard(BusinessCard { pool_handle, mut pool_elements }) => {
            pool_elements.truncate(MAX_PREFERRED_ELEMENTS);
            ControlMessage::BusinessCard { pool_handle, pool_elements }
        }
        AsapMessage::Error(error) => ControlMessage::Error(error.error),
        _ => ControlMessage::Unusable { answer: None, what: "a message between registrars and their clients".into() },
    }
}

fn encode(message: &AsapMessage) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    message.encode(&mut out)?;
    Ok(out)
}

/// An ASAP_COOKIE with this cookie; an error above [`MAX_COOKIE_LEN`] bytes.
pub fn encode_cookie(cookie: &[u8]) -> Result<Vec<u8>, EncodeError> {
    check_length(cookie)?;
    encode(&AsapMessage::Cookie(Cookie { cookie: cookie.to_vec() }))
}

/// An ASAP_COOKIE_ECHO with this cookie; an error above [`MAX_COOKIE_LEN`] bytes.
pub fn encode_cookie_echo(cookie: &[u8]) -> Result<Vec<u8>, EncodeError> {
    check_length(cookie)?;
    encode(&AsapMessage::CookieEcho(CookieEcho { cookie: cookie.to_vec() }))
}

/// An ASAP_BUSINESS_CARD: the elements of the pool that a session is to fail over to, in the order to prefer (RFC 5352 section
/// 3.9). An error where they do not fit a message.
pub fn encode_business_card(pool_handle: PoolHandle, pool_elements: Vec<PoolElement>) -> Result<Vec<u8>, EncodeError> {
    encode(&AsapMessage::BusinessCard(BusinessCard { pool_handle, pool_elements }))
}

fn check_length(cookie: &[u8]) -> Result<(), EncodeError> {
    if cookie.len() > MAX_COOKIE_LEN {
        return Err(EncodeError::TooLong { field: "cookie", length: cookie.len() });
    }
    Ok(())
}
