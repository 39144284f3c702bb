//! ENRP messages: who sent them, which file they are for, and how they are sent (RFC 5353 sections 3.1 and 3.4.1).

use super::Registrar;
use super::admission::Standing;
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::registrar::{Action, Step};
use crate::wire::{Cause, Decoded, ErrorCause};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;

impl Registrar {
    /// A message of another registrar.
    pub(in crate::registrar) fn on_enrp_message(
        &mut self,
        association: AssociationId,
        bytes: &[u8],
        step: &mut Step<'_>,
    ) {
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                let cause = Cause::UnrecognizedParameter;
                let causes: Vec<_> =
                    unrecognized.into_iter().map(|parameter| ErrorCause { cause, info: parameter.0 }).collect();
                if !causes.is_empty() {
                    self.log_fault(
                        step.now,
                        association,
                        &format_args!("{} unknown parameters are skipped", causes.len()),
                    );
                    self.report_enrp_fault(association, bytes, causes, step);
                }
                let (sender, receiver) = servers_of(bytes);
                match self.identify(association, sender, &message, step) {
                    None => {}
                    Some(Standing::Stranger) if changes_something(&message) => {
                        self.refuse_stranger(association, sender, &message, step);
                    }
                    Some(_) => self.dispatch_enrp(association, receiver, message, step),
                }
            }
            Err(undecodable) => {
                self.log_fault(
                    step.now,
                    association,
                    &format_args!("an ENRP message is discarded: {}", undecodable.error),
                );
                let causes = undecodable.report.into_iter().collect();
                self.report_enrp_fault(association, bytes, causes, step);
            }
        }
    }

    fn dispatch_enrp(
        &mut self,
        association: AssociationId,
        receiver: RegistrarId,
        message: EnrpMessage,
        step: &mut Step<'_>,
    ) {
        // A PRESENCE says something about its sender, whomever it is for.
        let for_us = receiver == RegistrarId(0) || receiver == self.id;
        if !for_us && !matches!(message, EnrpMessage::Presence(_)) {
            return log_limited!(
                self.logs.unexpected => self.host_at(association),
                step.now,
                Level::Warn,
                "registrar {}: {} of {association:?} is for {receiver:?}: ignored",
                self.id,
                message.name()
            );
        }
        match message {
            EnrpMessage::Presence(message) => self.on_presence(association, message, step),
            EnrpMessage::HandleTableRequest(message) => {
                self.on_handle_table_request(association, &message, step);
            }
            EnrpMessage::HandleTableResponse(message) => self.on_handle_table_response(message, step),
            EnrpMessage::HandleUpdate(message) => self.on_handle_update(message, step),
            EnrpMessage::ListRequest(message) => self.on_list_request(association, &message, step),
            EnrpMessage::ListResponse(message) => self.on_list_response(message, step),
            EnrpMessage::InitTakeover(message) => self.on_init_takeover(&message, step),
            EnrpMessage::InitTakeoverAck(message) => self.on_init_takeover_ack(&message, step),
            EnrpMessage::TakeoverServer(message) => self.on_takeover_server(&message, step),
            EnrpMessage::Error(message) => self.on_enrp_error(step.now, association, &message),
        }
    }

    pub(super) fn encode_enrp(&mut self, now: Time, message: &EnrpMessage) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(64);
        match message.encode(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                log_limited!(
                    self.logs.encoding,
                    now,
                    Level::Warn,
                    "registrar {}: cannot encode {}: {error}; it is not sent",
                    self.id,
                    message.name()
                );
                None
            }
        }
    }

    pub(super) fn send_enrp(&mut self, association: AssociationId, message: &EnrpMessage, step: &mut Step<'_>) {
        if let Some(bytes) = self.encode_enrp(step.now, message) {
            step.push(Action::Send { association, bytes });
        }
    }

    /// Sends a message to a peer over the one association that carries everything to it, in order.
    pub(super) fn send_to_peer(&mut self, id: RegistrarId, message: &EnrpMessage, step: &mut Step<'_>) {
        if let Some(association) = self.enrp.peers.association(id) {
            self.send_enrp(association, message, step);
        }
    }

    /// Answers a message: to a peer in order with everything else, to others where the message came from.
    pub(super) fn answer_enrp(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        step: &mut Step<'_>,
    ) {
        let in_order = self.enrp.peers.association(id);
        self.send_enrp(in_order.unwrap_or(association), message, step);
    }

    /// "Group-casts" a message (RFC 5353 section 3.1): sends it to every peer.
    pub(super) fn group_cast(&mut self, message: &EnrpMessage, step: &mut Step<'_>) {
        let Some(bytes) = self.encode_enrp(step.now, message) else { return };
        for association in self.enrp.peers.iter().filter_map(|(_, peer)| peer.association()) {
            step.push(Action::Send { association, bytes: bytes.clone() });
        }
    }
}

/// Whether a message is for peers only: all but introductions, and questions that anybody may ask.
fn changes_something(message: &EnrpMessage) -> bool {
    match message {
        EnrpMessage::Presence(_)
        | EnrpMessage::ListRequest(_)
        | EnrpMessage::HandleTableRequest(_)
        | EnrpMessage::Error(_) => false,
        EnrpMessage::HandleTableResponse(_)
        | EnrpMessage::HandleUpdate(_)
        | EnrpMessage::ListResponse(_)
        | EnrpMessage::InitTakeover(_)
        | EnrpMessage::InitTakeoverAck(_)
        | EnrpMessage::TakeoverServer(_) => true,
    }
}

/// Sender and receiver: the first words of every ENRP message.
pub(super) fn servers_of(bytes: &[u8]) -> (RegistrarId, RegistrarId) {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    (RegistrarId(word(4)), RegistrarId(word(8)))
}
