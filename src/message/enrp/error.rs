//! ENRP_ERROR (0x0a), RFC 5353 section 2.10.

use super::Servers;
use crate::RegistrarId;
use crate::message::codec::Message;
use crate::wire::{
    OperationalError, Parameter, Parameters, Reader, Reports, Undecodable, UnrecognizedParameter, Writer, required,
};

/// ENRP_ERROR (0x0a), RFC 5353 section 2.10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The sending registrar.
    pub sender: RegistrarId,
    /// The receiving registrar; zero: all of them, or not known yet.
    pub receiver: RegistrarId,
    /// What was wrong with a received message.
    pub error: OperationalError,
}

impl Error {
    /// The report on parameters that were skipped in a message that is otherwise fine; `None`: nothing to report.
    pub fn for_unrecognized(
        sender: RegistrarId,
        receiver: RegistrarId,
        parameters: &[UnrecognizedParameter],
    ) -> Option<Error> {
        (!parameters.is_empty()).then(|| Error { sender, receiver, error: parameters.into() })
    }

    /// The report on a message that cannot be used; `None`: it is discarded silently.
    pub fn for_undecodable(sender: RegistrarId, receiver: RegistrarId, undecodable: &Undecodable) -> Option<Error> {
        let causes = vec![undecodable.report.clone()?];
        Some(Error { sender, receiver, error: OperationalError { causes } })
    }
}

impl Message for Error {
    const TYPE: u8 = 0x0a;
    const NAME: &'static str = "ENRP_ERROR";

    fn decode_body(_: u8, mut body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let Servers { sender, receiver } = Servers::decode(&mut body)?;
        let mut error = None;
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            if tlv.parameter_type == OperationalError::TYPE {
                tlv.once(&mut error, reports)?;
            }
        }
        Ok(Error { sender, receiver, error: required(error)? })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        Servers::of(self.sender, self.receiver).encode(w);
        w.parameter(&self.error);
    }
}
