//! The parameters that hold one plain value: pool handle, PE identifier, PE checksum, cookie, handle resolution option, life in
//! seconds.

use super::parameter::{Parameter, Reports, parameter_type};
use super::{Reader, RegistrationLife, Undecodable, Writer};
use crate::{PoolElementId, PoolHandle};

/// RFC 5354 section 3.9.
impl Parameter for PoolHandle {
    const TYPE: u16 = parameter_type::POOL_HANDLE;
    const NAME: &'static str = "pool handle";

    fn decode_value(value: Reader<'_>, _: &mut Reports) -> Result<PoolHandle, Undecodable> {
        Ok(PoolHandle::new(value.remaining()))
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.bytes(self.as_bytes());
    }
}

/// RFC 5354 section 3.14.
impl Parameter for PoolElementId {
    const TYPE: u16 = parameter_type::PE_IDENTIFIER;
    const NAME: &'static str = "PE identifier";

    fn decode_value(mut value: Reader<'_>, _: &mut Reports) -> Result<PoolElementId, Undecodable> {
        let id = PoolElementId(value.u32("PE identifier")?);
        value.finish("excess length of PE identifier")?;
        Ok(id)
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.u32(self.0);
    }
}

/// PE Checksum (RFC 5354 section 3.15): the RFC 1071 sum, big endian as every integer on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeChecksum(pub(crate) u16);

impl Parameter for PeChecksum {
    const TYPE: u16 = parameter_type::PE_CHECKSUM;
    const NAME: &'static str = "PE checksum";

    fn decode_value(mut value: Reader<'_>, _: &mut Reports) -> Result<PeChecksum, Undecodable> {
        let checksum = PeChecksum(value.u16("PE checksum")?);
        value.finish("excess length of PE checksum")?;
        Ok(checksum)
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.u16(self.0);
    }
}

/// Cookie (RFC 5354 section 3.13).
pub(crate) struct CookieParameter(pub(crate) Vec<u8>);

impl CookieParameter {
    /// Writes `cookie` as a parameter without taking it.
    pub(crate) fn write(cookie: &[u8], w: &mut Writer<'_>) {
        w.tlv(Self::TYPE, Self::NAME, |w| w.bytes(cookie));
    }
}

impl Parameter for CookieParameter {
    const TYPE: u16 = parameter_type::COOKIE;
    const NAME: &'static str = "cookie";

    fn decode_value(value: Reader<'_>, _: &mut Reports) -> Result<CookieParameter, Undecodable> {
        Ok(CookieParameter(value.remaining().to_vec()))
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.bytes(&self.0);
    }
}

/// Handle Resolution Option (draft-dreibholz-rserpool-asap-hropt): how many elements are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandleResolutionOption(pub(crate) u32);

impl Parameter for HandleResolutionOption {
    const TYPE: u16 = parameter_type::HANDLE_RESOLUTION_OPTION;
    const NAME: &'static str = "handle resolution option";

    fn decode_value(mut value: Reader<'_>, _: &mut Reports) -> Result<HandleResolutionOption, Undecodable> {
        let items = HandleResolutionOption(value.u32("handle resolution items")?);
        value.finish("excess length of handle resolution option")?;
        Ok(items)
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.u32(self.0);
    }
}

/// A registration life that is in seconds for certain: a parameter of our own, see [`RegistrationLife`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LifeInSeconds(pub(crate) RegistrationLife);

impl Parameter for LifeInSeconds {
    const TYPE: u16 = parameter_type::LIFE_IN_SECONDS;
    const NAME: &'static str = "registration life in seconds";

    fn decode_value(mut value: Reader<'_>, _: &mut Reports) -> Result<LifeInSeconds, Undecodable> {
        let life = RegistrationLife(i32::from_be_bytes(value.array("registration life in seconds")?));
        value.finish("excess length of registration life in seconds")?;
        Ok(LifeInSeconds(life))
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        w.bytes(&self.0.0.to_be_bytes());
    }
}
