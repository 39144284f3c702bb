//! ASAP_COOKIE_ECHO (0x0c), RFC 5352 section 2.2.12: PU to PE after a failover.

use crate::message::codec::Message;
use crate::wire::{CookieParameter, Parameter, Parameters, Reader, Reports, Undecodable, Writer, required};

/// ASAP_COOKIE_ECHO (0x0c), RFC 5352 section 2.2.12: PU to PE after a failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieEcho {
    /// The last cookie received.
    pub cookie: Vec<u8>,
}

impl Message for CookieEcho {
    const TYPE: u8 = 0x0c;
    const NAME: &'static str = "ASAP_COOKIE_ECHO";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let mut cookie = None;
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            if tlv.parameter_type == CookieParameter::TYPE {
                tlv.once(&mut cookie, reports)?;
            }
        }
        Ok(CookieEcho { cookie: required::<CookieParameter>(cookie)?.0 })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        CookieParameter::write(&self.cookie, w);
    }
}
