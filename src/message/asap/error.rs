//! ASAP_ERROR (0x0e), RFC 5352 section 2.2.14.

use crate::message::codec::Message;
use crate::wire::{
    OperationalError, Parameter, Parameters, Reader, Reports, Undecodable, UnrecognizedParameter, Writer, required,
};

/// ASAP_ERROR (0x0e), RFC 5352 section 2.2.14.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was wrong with a received message.
    pub error: OperationalError,
}

impl Error {
    /// The report on parameters that were skipped in a message that is otherwise fine; `None`: nothing to report.
    pub fn for_unrecognized(parameters: &[UnrecognizedParameter]) -> Option<Error> {
        (!parameters.is_empty()).then(|| Error { error: parameters.into() })
    }

    /// The report on a message that cannot be used; `None`: it is discarded silently.
    pub fn for_undecodable(undecodable: &Undecodable) -> Option<Error> {
        let causes = vec![undecodable.report.clone()?];
        Some(Error { error: OperationalError { causes } })
    }
}

impl Message for Error {
    const TYPE: u8 = 0x0e;
    const NAME: &'static str = "ASAP_ERROR";

    fn decode_body(_: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable> {
        let mut error = None;
        let mut parameters = Parameters::new(body);
        while let Some(tlv) = parameters.next(reports)? {
            if tlv.parameter_type == OperationalError::TYPE {
                tlv.once(&mut error, reports)?;
            }
        }
        Ok(Error { error: required(error)? })
    }

    fn encode_body(&self, w: &mut Writer<'_>) {
        w.parameter(&self.error);
    }
}
