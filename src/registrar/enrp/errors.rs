//! ENRP_ERROR (RFC 5353 section 3.7).

use super::Registrar;
use super::messages::servers_of;
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::Error;
use crate::registrar::Step;
use crate::wire::{Cause, ErrorCause, OperationalError};
use crate::{AssociationId, Time};
use log::Level;

/// Type of ENRP_ERROR, to which no ENRP_ERROR is ever the answer.
const ENRP_ERROR: u8 = 0x0a;

impl Registrar {
    /// Reports what is wrong with the message `bytes`, if RFC 5354 wants it reported, and counts it.
    pub(super) fn report_enrp_fault(
        &mut self,
        association: AssociationId,
        bytes: &[u8],
        causes: Vec<ErrorCause>,
        step: &mut Step<'_>,
    ) {
        if !self.count_fault(association, step) || causes.is_empty() || bytes.first() == Some(&ENRP_ERROR) {
            return;
        }
        let (receiver, _) = servers_of(bytes);
        let message = EnrpMessage::Error(Error { sender: self.id, receiver, error: OperationalError { causes } });
        self.send_enrp(association, &message, step);
    }

    pub(super) fn on_enrp_error(&mut self, now: Time, association: AssociationId, message: &Error) {
        let cause = message.error.first().unwrap_or(Cause::Unspecified);
        log_limited!(
            self.logs.unexpected => self.host_at(association),
            now,
            Level::Warn,
            "registrar {}: {:?} ({association:?}) reports an error in one of our messages: {cause}",
            self.id,
            message.sender
        );
    }
}
