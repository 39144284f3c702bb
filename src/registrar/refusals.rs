//! Why a registration is refused, as the element is told (RFC 5354 section 3.12).

use crate::PoolHandle;
use crate::handlespace::{Handlespace, Refusal};
use crate::wire::{Cause, ErrorCause, Parameter, Writer};

/// Bytes of information in an error cause at most: more is left out, the cause says enough.
const MAX_CAUSE_INFO: usize = 1024;

/// The error cause of a refusal, with the information that RFC 5354 section 3.12 wants in it.
pub(super) fn cause_of(refusal: Refusal, handlespace: &Handlespace, pool_handle: &PoolHandle) -> ErrorCause {
    let pool = handlespace.find_pool(pool_handle).and_then(|pool| handlespace.pool(pool));
    let (cause, info) = match refusal {
        Refusal::UnsupportedPolicy => (Cause::InvalidValues, None),
        Refusal::InconsistentPolicy => {
            (Cause::InconsistentPoolingPolicy, pool.map(|pool| encode(|w| w.parameter(pool.policy()))))
        }
        Refusal::InconsistentTransport => {
            (Cause::InconsistentTransportType, pool.map(|pool| encode(|w| pool.user_transport().encode(w))))
        }
        Refusal::InconsistentTransportUse => (Cause::InconsistentDataControl, None),
        Refusal::TooManyPools | Refusal::TooManyElements | Refusal::TooLarge => (Cause::LackOfResources, None),
    };
    ErrorCause { cause, info: info.unwrap_or_default() }
}

/// A cause that says everything.
pub(super) fn without_information(cause: Cause) -> ErrorCause {
    ErrorCause { cause, info: Vec::new() }
}

/// "Invalid values" with the parameter that has them.
pub(super) fn invalid_value(parameter: &impl Parameter) -> ErrorCause {
    ErrorCause { cause: Cause::InvalidValues, info: encode(|w| w.parameter(parameter)) }
}

/// One parameter alone, without padding; empty when it is too long to be repeated.
fn encode(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = Writer::message(&mut bytes, 0, 0, "error cause", write);
    // Behind the header of the pretended message; its length field leaves the padding out.
    let length = bytes.get(2..4).map_or(0, |field| usize::from(u16::from_be_bytes([field[0], field[1]])));
    match bytes.get(4..length) {
        Some(parameter) if written.is_ok() && parameter.len() <= MAX_CAUSE_INFO => parameter.to_vec(),
        _ => Vec::new(),
    }
}
