//! Server Information parameter (RFC 5354 section 3.11).

use super::parameter::{Parameter, Parameters, Reports, parameter_type};
use super::{EncodeError, Reader, TransportParameter, Undecodable, WireError, Writer};
use crate::RegistrarId;

/// A registrar: its identifier and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInformation {
    /// Identifier, unique in the operational scope.
    pub id: RegistrarId,
    /// An SCTP transport.
    pub transport: TransportParameter,
}

impl Parameter for ServerInformation {
    const TYPE: u16 = parameter_type::SERVER_INFORMATION;
    const NAME: &'static str = "server information";

    fn decode_value(mut value: Reader<'_>, reports: &mut Reports) -> Result<ServerInformation, Undecodable> {
        let id = RegistrarId(value.u32("server identifier")?);
        let mut transport = None;
        let mut parameters = Parameters::new(value);
        while let Some(tlv) = parameters.next(reports)? {
            let Some(found) = TransportParameter::decode(&tlv, reports)? else { continue };
            if !found.is_sctp() {
                return Err(
                    WireError::Invalid { field: "server transport type", value: tlv.parameter_type.into() }.into()
                );
            }
            if transport.replace(found).is_some() {
                return Err(WireError::Repeated { field: "server transport" }.into());
            }
        }
        let transport = transport.ok_or(WireError::Missing { field: "server transport" })?;
        Ok(ServerInformation { id, transport })
    }

    fn encode_value(&self, w: &mut Writer<'_>) {
        if !self.transport.is_sctp() {
            w.fail(EncodeError::Invalid { field: "server transport", reason: "is not SCTP" });
        }
        w.u32(self.id.0);
        self.transport.encode(w);
    }
}
