//! ASAP_COOKIE (0x0b), RFC 5352 section 2.2.11: PE to PU, on the control channel.

use crate::message::codec::Message;
use crate::wire::{CookieParameter, Parameter, Parameters, Reader, Reports, Undecodable, Writer, required};

/// ASAP_COOKIE (0x0b), RFC 5352 section 2.2.11: PE to PU, on the control channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// State of the session, opaque to the PU.
    pub cookie: Vec<u8>,
}

impl Message for Cookie {
    const TYPE: u8 = 0x0b;
    const NAME: &'static str = "ASAP_COOKIE";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let mut cookie = None;
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            if tlv.parameter_type == CookieParameter::TYPE {
                tlv.once(&mut cookie, reports)?;
            }
        }
        Ok(Cookie { cookie: required::<CookieParameter>(cookie)?.0 })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        CookieParameter::write(&self.cookie, w);
    }
}
