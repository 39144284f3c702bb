//! Messages on associations with pool elements and pool users: checks, dispatch, error reports.

use super::associations::Limited;
use super::removal::Abort;
use super::{Link, Registrar, Step};
use crate::log_limit::log_limited;
use crate::message::{AsapMessage, asap};
use crate::wire::{
    Cause, Decoded, ErrorCause, OperationalError, PPID_ASAP, PPID_ENRP, Undecodable, UnrecognizedParameter,
};
use crate::{AssociationId, Time};
use log::Level;

/// Type of ASAP_ERROR, to which no ASAP_ERROR is ever the answer.
const ASAP_ERROR: u8 = 0x0e;

impl Registrar {
    pub(super) fn on_message(&mut self, association: AssociationId, ppid: u32, bytes: &[u8], step: &mut Step<'_>) {
        // Without one, the message was under way when the association was aborted.
        let Some(link) = self.associations.heard(step.now, association) else { return };
        let (expected, foreign) = match link {
            Link::Asap => (PPID_ASAP, PPID_ENRP),
            Link::Enrp => (PPID_ENRP, PPID_ASAP),
        };
        if ppid == foreign {
            self.statistics.faults += 1;
            self.abort(association, Abort::ForeignProtocol, step);
        } else if ppid != expected {
            self.log_fault(step.now, association, &format_args!("a message with payload protocol {ppid} is ignored"));
            self.count_fault(association, step);
        } else if link == Link::Asap {
            self.on_asap_message(association, bytes, step);
        } else {
            self.on_enrp_message(association, bytes, step);
        }
    }

    fn on_asap_message(&mut self, association: AssociationId, bytes: &[u8], step: &mut Step<'_>) {
        // What comes most often goes no detour through an enum that has room for every message.
        if asap::HandleResolution::is_in(bytes) {
            let decoded = asap::HandleResolution::decode(bytes);
            if let Some(message) = self.take_decoded(association, bytes, decoded, step) {
                self.dispatch_resolution(association, message, step);
            }
        } else if let Some(message) = self.take_decoded(association, bytes, AsapMessage::decode(bytes), step) {
            self.dispatch(association, message, step);
        }
    }

    /// The message, when there is one and its association is still there after whatever there was to report.
    fn take_decoded<M>(
        &mut self,
        association: AssociationId,
        bytes: &[u8],
        decoded: Result<Decoded<M>, Undecodable>,
        step: &mut Step<'_>,
    ) -> Option<M> {
        match decoded {
            Ok(Decoded { message, unrecognized }) if unrecognized.is_empty() => Some(message),
            Ok(Decoded { message, unrecognized }) => {
                self.report_unrecognized(association, bytes, unrecognized, step);
                self.associations.get(association).map(|_| message)
            }
            Err(undecodable) => {
                self.log_fault(step.now, association, &format_args!("a message is discarded: {}", undecodable.error));
                let causes = undecodable.report.into_iter().collect();
                self.report_fault(association, bytes, causes, step);
                None
            }
        }
    }

    fn dispatch_resolution(
        &mut self,
        association: AssociationId,
        message: asap::HandleResolution,
        step: &mut Step<'_>,
    ) {
        if self.is_ready() {
            self.on_handle_resolution(association, message, step);
        } else {
            // The pool may exist though it is not known here yet. The user finds another registrar at once.
            self.abort(association, Abort::Starting, step);
        }
    }

    /// Who asks without TLS, where that is required, learns why nothing comes of it, and leaves nothing here.
    fn refuse_in_the_clear(&mut self, association: AssociationId, message: AsapMessage, step: &mut Step<'_>) {
        match message {
            AsapMessage::Registration(message) => self.answer_registration(association, message, step),
            AsapMessage::Deregistration(message) => self.refuse_deregistration(association, message, step),
            AsapMessage::HandleResolution(message) => self.on_handle_resolution(association, message, step),
            other => self.tell_lack_of_tls(association, &format_args!("send {}", other.name()), step),
        }
    }

    fn dispatch(&mut self, association: AssociationId, message: AsapMessage, step: &mut Step<'_>) {
        if self.is_leaving() && matches!(message, AsapMessage::Registration(_)) {
            return self.abort(association, Abort::Leaving, step);
        }
        if self.lacks_tls(association) {
            return self.refuse_in_the_clear(association, message, step);
        }
        match message {
            AsapMessage::Registration(message) => self.on_registration(association, message, step),
            AsapMessage::Deregistration(message) => self.on_deregistration(association, message, step),
            AsapMessage::HandleResolution(message) => self.dispatch_resolution(association, message, step),
            AsapMessage::EndpointKeepAliveAck(message) => {
                self.on_endpoint_keep_alive_ack(association, message, step);
            }
            AsapMessage::EndpointUnreachable(message) => {
                self.on_endpoint_unreachable(association, message, step);
            }
            AsapMessage::Error(message) => self.on_asap_error(step.now, association, &message),
            // What only a registrar sends, or only pool elements and pool users send each other.
            AsapMessage::RegistrationResponse(_)
            | AsapMessage::DeregistrationResponse(_)
            | AsapMessage::HandleResolutionResponse(_)
            | AsapMessage::EndpointKeepAlive(_)
            | AsapMessage::ServerAnnounce(_)
            | AsapMessage::Cookie(_)
            | AsapMessage::CookieEcho(_)
            | AsapMessage::BusinessCard(_) => log_limited!(
                self.logs.unexpected => self.host_at(association),
                step.now,
                Level::Warn,
                "registrar {}: {association:?} sent {}, which no registrar takes: ignored",
                self.id,
                message.name()
            ),
        }
    }

    fn on_asap_error(&mut self, now: Time, association: AssociationId, message: &asap::Error) {
        let cause = message.error.first().unwrap_or(Cause::Unspecified);
        log_limited!(
            self.logs.unexpected => self.host_at(association),
            now,
            Level::Warn,
            "registrar {}: {association:?} reports an error in one of our messages: {cause}",
            self.id
        );
    }

    fn report_unrecognized(
        &mut self,
        association: AssociationId,
        bytes: &[u8],
        unrecognized: Vec<UnrecognizedParameter>,
        step: &mut Step<'_>,
    ) {
        let count = unrecognized.len();
        self.log_fault(step.now, association, &format_args!("{count} unknown parameters are skipped"));
        let cause = Cause::UnrecognizedParameter;
        let causes = unrecognized.into_iter().map(|parameter| ErrorCause { cause, info: parameter.0 }).collect();
        self.report_fault(association, bytes, causes, step);
    }

    /// Reports what is wrong with the message `bytes`, if RFC 5354 wants it reported, and counts it.
    fn report_fault(&mut self, association: AssociationId, bytes: &[u8], causes: Vec<ErrorCause>, step: &mut Step<'_>) {
        if !self.count_fault(association, step) || causes.is_empty() || bytes.first() == Some(&ASAP_ERROR) {
            return;
        }
        let message = AsapMessage::Error(asap::Error { error: OperationalError { causes } });
        self.send(association, &message, step);
    }

    /// Aborts an association that sends nothing but nonsense. Whether it may stay.
    pub(super) fn count_fault(&mut self, association: AssociationId, step: &mut Step<'_>) -> bool {
        self.statistics.faults += 1;
        let within_limit = self.associations.allows(step.now, association, Limited::Fault);
        if !within_limit {
            self.abort(association, Abort::TooManyFaults, step);
        }
        within_limit
    }

    pub(super) fn log_fault(&mut self, now: Time, association: AssociationId, what: &dyn std::fmt::Display) {
        log_limited!(self.logs.faults => self.host_at(association), now, Level::Warn, "registrar {}: {association:?}: {what}", self.id);
    }
}
